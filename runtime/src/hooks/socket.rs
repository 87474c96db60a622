//! recv(2), send(2), connect(2), accept(2) and their kin.
//!
//! The try is the call itself with MSG_DONTWAIT. connect and accept have no such form: helpers make them, accept when there is
//! something to accept (another process may take it away, and then the helper waits, not the thread).
//!
//! A send of a blocking stream socket is complete, as the kernel's is, unless an error or a signal ends it after a part;
//! MSG_WAITALL does the same for a receive.

use super::real;
use super::transfer::check;
use super::types::*;
use super::wait::{End, IN, OUT, Rest, is_nonblocking, is_ready, ready, result};
use crate::sys::{self, KResult, nr};
use crate::task::{self, NEVER, OnSignal, Scheduler, offload};
use core::ffi::c_long;
use core::mem::size_of;
use core::ops::ControlFlow;
use core::ptr::{null, null_mut};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

/// When the wait of a call that begins now ends by SO_RCVTIMEO or SO_SNDTIMEO: a function, since it is asked for only when
/// the call has to wait, and stays the same then.
pub(super) fn deadline(fd: c_int, events: u32) -> impl Fn() -> u64 {
    let known = core::cell::Cell::new(None);
    move || {
        if known.get().is_none() {
            known.set(Some(timeout(fd, events).map_or(NEVER, task::after)));
        }
        known.get().unwrap_or(NEVER)
    }
}

fn timeout(fd: c_int, events: u32) -> Option<Duration> {
    let option = if events == IN { libc::SO_RCVTIMEO } else { libc::SO_SNDTIMEO };
    let time: timeval = get_option(fd, option)?;
    let time = Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    (!time.is_zero()).then_some(time)
}

fn get_option<T: Copy>(fd: c_int, option: c_int) -> Option<T> {
    let mut value = core::mem::MaybeUninit::<T>::zeroed();
    let mut len = size_of::<T>() as socklen_t;
    // SAFETY: room for `len` bytes; the types asked for are plain.
    unsafe {
        let args = [
            fd as usize,
            libc::SOL_SOCKET as usize,
            option as usize,
            value.as_mut_ptr() as usize,
            &raw mut len as usize,
        ];
        let r = sys::syscall5(nr(libc::SYS_getsockopt), args[0], args[1], args[2], args[3], args[4]);
        (!sys::is_err(r)).then(|| value.assume_init())
    }
}

/// recvmsg or sendmsg until there is a result.
fn transfer(
    s: &Scheduler,
    call: c_long,
    fd: c_int,
    message: *mut msghdr,
    flags: c_int,
    deadline: &impl Fn() -> u64,
) -> Result<KResult, End> {
    let events = if call == libc::SYS_recvmsg { IN } else { OUT };
    loop {
        // SAFETY: the program's own message, which the kernel checks.
        let r =
            unsafe { sys::syscall3(nr(call), fd as usize, message as usize, (flags | libc::MSG_DONTWAIT) as usize) };
        if r != -libc::EAGAIN as isize || flags & libc::MSG_DONTWAIT != 0 || is_nonblocking(fd) {
            return Ok(r);
        }
        ready(s, fd, events, deadline())?;
    }
}

/// All of a message, or of the room for one, if the kind of socket and the flags ask for that.
fn whole(s: &Scheduler, call: c_long, fd: c_int, message: &mut msghdr, flags: c_int) -> Result<KResult, End> {
    let receiving = call == libc::SYS_recvmsg;
    let deadline = deadline(fd, if receiving { IN } else { OUT });
    let first = transfer(s, call, fd, message, flags, &deadline)?;
    let wanted = !receiving || flags & libc::MSG_WAITALL != 0;
    if first <= 0 || !wanted || flags & libc::MSG_DONTWAIT != 0 || !is_stream(fd) || is_nonblocking(fd) {
        return Ok(first);
    }
    // SAFETY: the kernel has just read this array.
    let mut rest = unsafe { Rest::new(message.msg_iov, message.msg_iovlen) };
    rest.advance(first as usize);
    let mut done = first;
    while rest.len() > 0 {
        // Addresses and ancillary data go with the first part.
        let mut next = blank();
        next.msg_iov = rest.parts().as_ptr().cast_mut();
        next.msg_iovlen = rest.parts().len();
        match transfer(s, call, fd, &raw mut next, flags, &deadline) {
            Ok(r) if r > 0 => {
                done += r;
                rest.advance(r as usize);
            }
            _ => break,
        }
    }
    Ok(done)
}

fn is_stream(fd: c_int) -> bool {
    get_option::<c_int>(fd, libc::SO_TYPE) == Some(libc::SOCK_STREAM)
}

fn blank() -> msghdr {
    // SAFETY: all-zero is a message without parts.
    unsafe { core::mem::zeroed() }
}

/// What cannot be split up or be had without blocking is left to libc: a look that waits for more than there is, and a
/// connect in the disguise of a send.
fn is_odd(flags: c_int) -> bool {
    flags & (libc::MSG_PEEK | libc::MSG_WAITALL) == libc::MSG_PEEK | libc::MSG_WAITALL
        || flags & libc::MSG_FASTOPEN != 0
}

pub(super) unsafe fn recv(s: &Scheduler, fd: c_int, to: *mut c_void, size: size_t, flags: c_int) -> ssize_t {
    // SAFETY: the caller's arguments.
    unsafe { recvfrom(s, fd, to, size, flags, null_mut(), null_mut()) }
}

pub(super) unsafe fn recv_chk(
    s: &Scheduler,
    fd: c_int,
    to: *mut c_void,
    size: size_t,
    room: size_t,
    flags: c_int,
) -> ssize_t {
    check(size, room);
    // SAFETY: the caller's arguments.
    unsafe { recv(s, fd, to, size, flags) }
}

pub(super) unsafe fn recvfrom(
    s: &Scheduler,
    fd: c_int,
    to: *mut c_void,
    size: size_t,
    flags: c_int,
    from: *mut sockaddr,
    len: *mut socklen_t,
) -> ssize_t {
    if is_odd(flags) {
        // SAFETY: the caller's arguments.
        return unsafe { real::recvfrom(fd, to, size, flags, from, len) };
    }
    let mut part = iovec { iov_base: to, iov_len: size };
    let mut message = msghdr { msg_iov: &raw mut part, msg_iovlen: 1, ..blank() };
    if !from.is_null() {
        message.msg_name = from.cast();
        // SAFETY: recvfrom(2) wants a length with an address.
        message.msg_namelen = unsafe { *len };
    }
    match whole(s, libc::SYS_recvmsg, fd, &mut message, flags) {
        Ok(r) | Err(End::Result(r)) => {
            if r >= 0 && !from.is_null() {
                // SAFETY: as above.
                unsafe { *len = message.msg_namelen };
            }
            result(r)
        }
        // SAFETY: the caller's arguments.
        Err(End::Block) => unsafe { real::recvfrom(fd, to, size, flags, from, len) },
    }
}

#[allow(clippy::too_many_arguments, reason = "the function's own, and the scheduler")]
pub(super) unsafe fn recvfrom_chk(
    s: &Scheduler,
    fd: c_int,
    to: *mut c_void,
    size: size_t,
    room: size_t,
    flags: c_int,
    from: *mut sockaddr,
    len: *mut socklen_t,
) -> ssize_t {
    check(size, room);
    // SAFETY: the caller's arguments.
    unsafe { recvfrom(s, fd, to, size, flags, from, len) }
}

pub(super) unsafe fn recvmsg(s: &Scheduler, fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    // SAFETY: the caller's message, or null.
    match unsafe { message.as_mut() } {
        Some(m) if !is_odd(flags) => match whole(s, libc::SYS_recvmsg, fd, m, flags) {
            Ok(r) | Err(End::Result(r)) => result(r),
            // SAFETY: the caller's arguments.
            Err(End::Block) => unsafe { real::recvmsg(fd, message, flags) },
        },
        // SAFETY: the caller's arguments.
        _ => unsafe { real::recvmsg(fd, message, flags) },
    }
}

pub(super) unsafe fn send(s: &Scheduler, fd: c_int, from: *const c_void, size: size_t, flags: c_int) -> ssize_t {
    // SAFETY: the caller's arguments.
    unsafe { sendto(s, fd, from, size, flags, null(), 0) }
}

pub(super) unsafe fn sendto(
    s: &Scheduler,
    fd: c_int,
    from: *const c_void,
    size: size_t,
    flags: c_int,
    to: *const sockaddr,
    len: socklen_t,
) -> ssize_t {
    let mut part = iovec { iov_base: from.cast_mut(), iov_len: size };
    let mut message = msghdr { msg_iov: &raw mut part, msg_iovlen: 1, ..blank() };
    if !to.is_null() {
        message.msg_name = to.cast_mut().cast();
        message.msg_namelen = len;
    }
    // SAFETY: the caller's arguments.
    let block = || unsafe { real::sendto(fd, from, size, flags, to, len) };
    if is_odd(flags) {
        return block();
    }
    match whole(s, libc::SYS_sendmsg, fd, &mut message, flags) {
        Ok(r) | Err(End::Result(r)) => result(r),
        Err(End::Block) => block(),
    }
}

pub(super) unsafe fn sendmsg(s: &Scheduler, fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    // SAFETY: the caller's message, or null.
    match unsafe { message.as_ref() } {
        Some(m) if !is_odd(flags) => match whole(s, libc::SYS_sendmsg, fd, &mut { *m }, flags) {
            Ok(r) | Err(End::Result(r)) => result(r),
            // SAFETY: the caller's arguments.
            Err(End::Block) => unsafe { real::sendmsg(fd, message, flags) },
        },
        // SAFETY: the caller's arguments.
        _ => unsafe { real::sendmsg(fd, message, flags) },
    }
}

/// A call of libc's as the kernel would answer it, with errno in the number: helpers have an errno of their own.
fn with_errno(r: c_int) -> KResult {
    if r < 0 { -task::errno() as isize } else { r as isize }
}

pub(super) unsafe fn connect(s: &Scheduler, fd: c_int, to: *const sockaddr, len: socklen_t) -> c_int {
    // SAFETY: the caller's arguments.
    let block = || unsafe { real::connect(fd, to, len) };
    let mut address = [0u8; size_of::<libc::sockaddr_storage>()];
    let kind = get_option::<c_int>(fd, libc::SO_TYPE);
    let waits = matches!(kind, Some(libc::SOCK_STREAM | libc::SOCK_SEQPACKET));
    if !waits || to.is_null() || len as usize > address.len() || is_nonblocking(fd) {
        return block();
    }
    // SAFETY: `len` bytes of the caller's, which fit.
    unsafe { core::ptr::copy_nonoverlapping(to.cast(), address.as_mut_ptr(), len as usize) };
    // SAFETY: an address of the helper's own.
    let call = move || with_errno(unsafe { real::connect(fd, address.as_ptr().cast(), len) });
    match offload(s, OnSignal::Ignore, call) {
        ControlFlow::Continue(r) => result(r) as c_int,
        ControlFlow::Break(errno @ (libc::ECANCELED | libc::ETIMEDOUT)) => result(-errno as isize) as c_int,
        ControlFlow::Break(_) => block(),
    }
}

/// What accept gave to a helper; closed if nobody wants it any more.
struct Accepted {
    fd: OwnedFd,
    from: [u8; size_of::<libc::sockaddr_storage>()],
    len: socklen_t,
}

fn accept_one(fd: c_int, flags: c_int) -> Result<Accepted, c_int> {
    let mut from = [0u8; size_of::<libc::sockaddr_storage>()];
    let mut len = from.len() as socklen_t;
    // SAFETY: room for any address.
    let r = unsafe { real::accept4(fd, from.as_mut_ptr().cast(), &raw mut len, flags) };
    if r < 0 {
        return Err(task::errno());
    }
    // SAFETY: a new descriptor, which nobody else knows.
    Ok(Accepted {
        // SAFETY: a new descriptor, which nobody else knows.
        fd: unsafe { OwnedFd::from_raw_fd(r) },
        from,
        len,
    })
}

pub(super) unsafe fn accept(s: &Scheduler, fd: c_int, from: *mut sockaddr, len: *mut socklen_t) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe { accept4(s, fd, from, len, 0) }
}

pub(super) unsafe fn accept4(
    s: &Scheduler,
    fd: c_int,
    from: *mut sockaddr,
    len: *mut socklen_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller's arguments.
    let block = || unsafe { real::accept4(fd, from, len, flags) };
    let listens = get_option::<c_int>(fd, libc::SO_ACCEPTCONN) == Some(1);
    if !listens || is_nonblocking(fd) {
        return block();
    }
    let deadline = deadline(fd, IN);
    while !is_ready(fd, IN) {
        match ready(s, fd, IN, deadline()) {
            Ok(()) => {}
            Err(End::Result(r)) => return result(r) as c_int,
            Err(End::Block) => return block(),
        }
    }
    match offload(s, OnSignal::Ignore, move || accept_one(fd, flags)) {
        ControlFlow::Break(libc::EAGAIN) => block(),
        ControlFlow::Break(errno) | ControlFlow::Continue(Err(errno)) => result(-errno as isize) as c_int,
        ControlFlow::Continue(Ok(new)) => {
            if !from.is_null() && !len.is_null() {
                // SAFETY: accept(2): `*len` bytes of room, of which as many are filled as there are; `*len` becomes the
                // length of the address.
                unsafe {
                    let room = (*len).min(new.len) as usize;
                    core::ptr::copy_nonoverlapping(new.from.as_ptr(), from.cast(), room);
                    *len = new.len;
                }
            }
            new.fd.into_raw_fd()
        }
    }
}
