//! accept(2), accept4(2).
//!
//! A listener has no MSG_DONTWAIT: it is asked by poll first, and nobody else of this process may take what was seen until
//! the call is made. Another process may, if it has the listener, too: then a helper makes the call.

use super::{AGAIN, File, IN, Tried, Wait, file, is_ready, until_ready};
use crate::abi::Step;
use crate::reactor::mode::NONBLOCK;
use crate::reactor::{self, Kind};
use crate::sched::helper;
use crate::sched::thread::ThreadRef;
use crate::sys::{self, nr};
use core::sync::atomic::Ordering::*;

/// accept(2).
pub(crate) fn accept(t: ThreadRef) -> Step {
    accept_with(t, 0)
}

/// accept4(2).
pub(crate) fn accept4(t: ThreadRef) -> Step {
    accept_with(t, t.arg(3) as i32)
}

fn accept_with(t: ThreadRef, flags: i32) -> Step {
    if helper::has(t) {
        return by_helper(t);
    }
    let Some(f) = file(t) else { return Step::Native };
    let mut shared = false;
    let step = until_ready(t, f, &Wait::to_read(), || {
        if f.entry.mode(f.fd) & NONBLOCK != 0 {
            return Tried::Done(accept_now(t, f, flags));
        }
        if !f.entry.is_private() {
            if !is_ready(f.fd, libc::POLLIN) {
                return Tried::Done(AGAIN);
            }
            // One helper for a listener: the others of ours wait until it has taken its connection.
            shared = !f.entry.in_helper.swap(true, SeqCst);
            return if shared { Tried::Drained(0) } else { Tried::Done(AGAIN) };
        }
        let _turn = f.entry.turn.lock();
        if !is_ready(f.fd, libc::POLLIN) {
            return Tried::Done(AGAIN);
        }
        Tried::Done(accept_now(t, f, flags))
    });
    if shared { finish(t, helper::offload_now(t)) } else { step }
}

fn by_helper(t: ThreadRef) -> Step {
    finish(t, helper::offload(t))
}

/// Lets the next one look when the helper is done.
fn finish(t: ThreadRef, step: Step) -> Step {
    if !matches!(step, Step::Park)
        && let Some(e) = reactor::entry(t.arg(0) as i32)
    {
        e.in_helper.store(false, SeqCst);
        e.still_ready(IN);
    }
    step
}

/// Takes a connection that is there.
fn accept_now(t: ThreadRef, f: File, flags: i32) -> isize {
    // SAFETY: the call the program made.
    let r = unsafe { sys::syscall4(nr(libc::SYS_accept4), f.fd as usize, t.arg(1), t.arg(2), flags as usize) };
    if r >= 0
        && let Some(e) = reactor::entry(r as i32)
    {
        reactor::forget(r as i32);
        let kind = if matches!(f.kind, Kind::Tcp | Kind::Stream | Kind::Packets) { f.kind } else { Kind::Unknown };
        e.made_here(kind, flags & libc::SOCK_NONBLOCK != 0, Some(f.entry.mode(f.fd)));
    }
    r
}
