//! read, write, readv, writev: read(2), write(2), readv(2), writev(2).
//!
//! The try is preadv2/pwritev2 with RWF_NOWAIT at the current position, which leaves the descriptor's flags alone. Kinds of
//! files that do not take it (terminals, timers, and pipes before Linux 6.5) are asked by poll first; if another process is
//! faster then, the thread waits. What never makes one wait (regular files) goes straight on to libc.
//!
//! Standard output and standard error are written to as before, which holds the thread up while nobody reads them: who
//! prints holds std's lock of the stream for the thread, which all its coroutines are, and std would panic (a RefCell that is
//! borrowed) if another of them came to print meanwhile.
//!
//! A read gives what there is. A write of a blocking descriptor is complete, as the kernel's is, unless an error or a
//! signal ends it after a part.

use super::real;
use super::types::*;
use super::wait::{End, IN, OUT, Rest, is_nonblocking, is_ready, ready, result};
use crate::sys::{self, KResult, nr};
use crate::task::Scheduler;

unsafe extern "C" {
    fn __chk_fail() -> !;
}

/// preadv2 or pwritev2 at the current position, without blocking.
fn attempt(call: libc::c_long, fd: c_int, parts: &[iovec]) -> KResult {
    let current = usize::MAX;
    let count = parts.len().min(libc::UIO_MAXIOV as usize);
    // SAFETY: the program's own buffers, which the kernel checks.
    unsafe {
        sys::syscall6(
            nr(call),
            fd as usize,
            parts.as_ptr() as usize,
            count,
            current,
            current,
            libc::RWF_NOWAIT as usize,
        )
    }
}

/// One try, after which there is a result or a wait.
fn try_or_wait(s: &Scheduler, call: libc::c_long, fd: c_int, parts: &[iovec], events: u32) -> Result<KResult, End> {
    // EPERM: a sandbox that does not know the call.
    const NOT_TAKEN: [isize; 3] = [-libc::EOPNOTSUPP as isize, -libc::ENOSYS as isize, -libc::EPERM as isize];
    let deadline = super::socket::deadline(fd, events);
    loop {
        let r = attempt(call, fd, parts);
        if NOT_TAKEN.contains(&r) {
            if is_nonblocking(fd) || is_ready(fd, events) {
                return Err(End::Block);
            }
        } else if r != -libc::EAGAIN as isize || is_nonblocking(fd) {
            return Ok(r);
        }
        ready(s, fd, events, deadline())?;
    }
}

fn input(s: &Scheduler, fd: c_int, parts: &[iovec], block: impl FnOnce() -> ssize_t) -> ssize_t {
    if !crate::monkey::is_stream_patched(fd) {
        return block();
    }
    if parts.iter().all(|p| p.iov_len == 0) {
        // Never waits, and tells about the descriptor.
        return block();
    }
    match try_or_wait(s, libc::SYS_preadv2, fd, parts, IN) {
        Ok(r) | Err(End::Result(r)) => result(r),
        Err(End::Block) => block(),
    }
}

fn output(s: &Scheduler, fd: c_int, mut rest: Rest, block: impl Fn(&[iovec]) -> ssize_t) -> ssize_t {
    let mut done = 0;
    let is_printed_to = matches!(fd, libc::STDOUT_FILENO | libc::STDERR_FILENO);
    if rest.len() == 0 || is_printed_to || !crate::monkey::is_stream_patched(fd) {
        return block(rest.parts());
    }
    loop {
        let r = match try_or_wait(s, libc::SYS_pwritev2, fd, rest.parts(), OUT) {
            Ok(r) | Err(End::Result(r)) => r,
            Err(End::Block) => {
                let r = block(rest.parts());
                return if r >= 0 {
                    done + r
                } else if done > 0 {
                    done
                } else {
                    r
                };
            }
        };
        if sys::is_err(r) {
            return if done > 0 { done } else { result(r) };
        }
        done += r;
        rest.advance(r as usize);
        if r == 0 || rest.len() == 0 || is_nonblocking(fd) {
            return done;
        }
    }
}

pub(super) unsafe fn read(s: &Scheduler, fd: c_int, to: *mut c_void, size: size_t) -> ssize_t {
    // SAFETY: the caller's arguments.
    input(s, fd, &[iovec { iov_base: to, iov_len: size }], || unsafe { real::read(fd, to, size) })
}

pub(super) unsafe fn read_chk(s: &Scheduler, fd: c_int, to: *mut c_void, size: size_t, room: size_t) -> ssize_t {
    check(size, room);
    // SAFETY: the caller's arguments.
    unsafe { read(s, fd, to, size) }
}

/// What glibc's fortified functions do first.
pub(super) fn check(size: size_t, room: size_t) {
    if size > room {
        // SAFETY: ends the process with libc's message.
        unsafe { __chk_fail() };
    }
}

pub(super) unsafe fn readv(s: &Scheduler, fd: c_int, to: *const iovec, count: c_int) -> ssize_t {
    if !plausible(to, count) {
        // SAFETY: the caller's arguments, which libc refuses.
        return unsafe { real::readv(fd, to, count) };
    }
    // SAFETY: the caller's array.
    let parts = unsafe { core::slice::from_raw_parts(to, count as usize) };
    // SAFETY: the caller's arguments.
    input(s, fd, parts, || unsafe { real::readv(fd, to, count) })
}

/// Whether an array may be looked at.
pub(super) fn plausible(parts: *const iovec, count: c_int) -> bool {
    !parts.is_null() && (1..=libc::UIO_MAXIOV).contains(&count)
}

pub(super) unsafe fn write(s: &Scheduler, fd: c_int, from: *const c_void, size: size_t) -> ssize_t {
    // SAFETY: one element.
    let rest = unsafe { Rest::new(&iovec { iov_base: from.cast_mut(), iov_len: size }, 1) };
    // SAFETY: what is left of the caller's arguments.
    output(s, fd, rest, |p| unsafe { p.first().map_or(0, |p| real::write(fd, p.iov_base, p.iov_len)) })
}

pub(super) unsafe fn writev(s: &Scheduler, fd: c_int, from: *const iovec, count: c_int) -> ssize_t {
    if !plausible(from, count) {
        // SAFETY: the caller's arguments, which libc refuses.
        return unsafe { real::writev(fd, from, count) };
    }
    // SAFETY: the caller's array.
    let rest = unsafe { Rest::new(from, count as usize) };
    // SAFETY: what is left of the caller's arguments.
    output(s, fd, rest, |p| unsafe { real::writev(fd, p.as_ptr(), p.len() as c_int) })
}
