//! io_uring_enter(2): what is submitted is the kernel's business at once; the wait for completions is a wait for the ring's
//! descriptor, which is readable while its completion queue holds something.
//!
//! The submitting OS thread matters to the kernel (single-issuer rings, requests that are cancelled when it ends), so the
//! call is never made by a helper.

use super::io::is_ready;
use super::{Step, after, err, prepare};
use crate::reactor::{self, Armed};
use crate::sched::state::Wake;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sched::timer::NEVER;
use crate::sys::kernel::Timespec;
use crate::sys::{self, nr, user};
use core::sync::atomic::Ordering::*;

const GETEVENTS: usize = 1;
const EXT_ARG: usize = 8;
const REGISTERED_RING: usize = 16;
const IN: u32 = libc::EPOLLIN as u32;

/// io_uring_enter(2).
pub(crate) fn io_uring_enter(t: ThreadRef) -> Step {
    let (fd, least, flags) = (t.arg(0) as i32, t.arg(2), t.arg(3));
    if t.woken().is_none() {
        t.os().keeps.store(true, Relaxed);
        let waits = flags & GETEVENTS != 0 && least > 0;
        if !waits || flags & REGISTERED_RING != 0 || tids::live() == 1 {
            return Step::Native;
        }
        let deadline = match deadline(t, flags) {
            Ok(Some(d)) => d,
            // With a signal mask for the wait: the kernel's.
            Ok(None) => return Step::Native,
            Err(e) => return e,
        };
        let r = enter(fd, t.arg(1), flags & !EXT_ARG);
        if sys::is_err(r) {
            return Step::Done(r);
        }
        t.call.done.set(r as u64);
        t.call.deadline.set(deadline);
    } else {
        reactor::disarm(&t.fd_wait);
        // A ring that defers its work does it only when it is asked.
        enter(fd, 0, GETEVENTS);
    }
    let submitted = t.call.done.get() as isize;
    let Some(entry) = reactor::entry(fd) else { return Step::Native };
    loop {
        entry.about_to_try(IN);
        if is_ready(fd, libc::POLLIN) {
            entry.still_ready(IN);
            return Step::Done(submitted);
        }
        match t.woken() {
            Some(Wake::Timeout) if submitted == 0 => return err(libc::ETIME),
            Some(Wake::Signal) if submitted == 0 => return Step::Interrupted,
            Some(Wake::Timeout | Wake::Signal) => return Step::Done(submitted),
            _ => {}
        }
        let seq = prepare(t, t.call.deadline.get(), true);
        match reactor::arm(&t.fd_wait, fd, IN, &t.waiter, seq) {
            Armed::Waiting => return Step::Park,
            Armed::Ready => t.waiter.state.cancel(),
            Armed::Unpollable(_) => {
                t.waiter.state.cancel();
                return Step::Done(submitted);
            }
        }
    }
}

fn enter(fd: i32, submit: usize, flags: usize) -> isize {
    // SAFETY: without an extended argument the call has no pointers.
    unsafe { sys::syscall6(nr(libc::SYS_io_uring_enter), fd as usize, submit, 0, flags, 0, 0) }
}

/// When the wait ends, by `struct io_uring_getevents_arg`: mask, its size, padding, address of a timespec.
fn deadline(t: ThreadRef, flags: usize) -> Result<Option<u64>, Step> {
    if flags & EXT_ARG == 0 {
        // Without it the fifth argument is a signal mask.
        return Ok((t.arg(4) == 0).then_some(NEVER));
    }
    let mask: u64 = user::get(t.arg(4))?;
    let timeout: u64 = user::get(t.arg(4) + 16)?;
    if mask != 0 {
        return Ok(None);
    }
    if timeout == 0 {
        return Ok(Some(NEVER));
    }
    let ns = user::get::<Timespec>(timeout as usize)?.nanos().ok_or(err(libc::EINVAL))?;
    Ok(Some(after(ns)))
}
