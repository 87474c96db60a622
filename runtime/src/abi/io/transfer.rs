//! read(2), write(2) and their vectored kin.
//!
//! On sockets they are recv and send with MSG_DONTWAIT; the two differences are kept: a read of no bytes never waits
//! (net/socket.c, sock_read_iter), a write to a SOCK_SEQPACKET socket ends its record (sock_write_iter). Elsewhere they are
//! preadv2 and pwritev2 with RWF_NOWAIT, which pipes know since Linux 6.5; what does not know it is asked by poll first,
//! one thread at a time. A pipe that polls writable has room for PIPE_BUF bytes (fs/pipe.c), no more.

use super::memory::{Memory, Window};
use super::{AGAIN, File, Tried, Wait, file, is_ready, sent, until_ready};
use crate::abi::{Step, signal};
use crate::reactor::Kind;
use crate::reactor::mode::{LOW_WATER, NO_NOWAIT_IN, NO_NOWAIT_OUT, NONBLOCK, PACKETS};
use crate::sched::helper;
use crate::sched::thread::ThreadRef;
use crate::sys::{self, nr, user};
use core::sync::atomic::{AtomicBool, Ordering::*};

const PIPE_BUF: usize = 4096;
/// RWF_NOWAIT is not for this file; the call is newer than the kernel (4.6); or than a sandbox, which answers EPERM to what it
/// does not know. The call without the flag, made after that, tells whether EPERM was about the file.
fn unsupported(r: isize) -> bool {
    [-libc::EOPNOTSUPP as isize, -libc::ENOSYS as isize, -libc::EPERM as isize].contains(&r)
}
/// RWF_NOSIGNAL, Linux 6.18: no SIGPIPE.
const RWF_NOSIGNAL: i32 = 0x100;

/// read(2).
pub(crate) fn read(t: ThreadRef) -> Step {
    receive(t, Memory::One(t.arg(1), t.arg(2)), 0)
}

/// readv(2).
pub(crate) fn readv(t: ThreadRef) -> Step {
    receive(t, Memory::Many(t.arg(1), t.arg(2)), 0)
}

/// preadv2(2), where it means readv with flags.
pub(crate) fn preadv2(t: ThreadRef) -> Step {
    if t.arg(3) as isize != -1 || t.arg(5) as i32 & libc::RWF_NOWAIT != 0 {
        return Step::Native;
    }
    receive(t, Memory::Many(t.arg(1), t.arg(2)), t.arg(5) as i32)
}

/// write(2).
pub(crate) fn write(t: ThreadRef) -> Step {
    send(t, Memory::One(t.arg(1), t.arg(2)), 0)
}

/// writev(2).
pub(crate) fn writev(t: ThreadRef) -> Step {
    send(t, Memory::Many(t.arg(1), t.arg(2)), 0)
}

/// pwritev2(2), where it means writev with flags.
pub(crate) fn pwritev2(t: ThreadRef) -> Step {
    if t.arg(3) as isize != -1 || t.arg(5) as i32 & libc::RWF_NOWAIT != 0 {
        return Step::Native;
    }
    send(t, Memory::Many(t.arg(1), t.arg(2)), t.arg(5) as i32)
}

#[inline(always)]
fn receive(t: ThreadRef, m: Memory, flags: i32) -> Step {
    let Some(f) = file(t) else {
        return Step::Native;
    };
    let total = match m.total() {
        None | Some(0) => return Step::Native,
        Some(n) => n,
    };
    // A byte that poll does not count must not be taken: the rest would be waited for for ever.
    let ask = f.entry.mode(f.fd) & (LOW_WATER | NONBLOCK) == LOW_WATER;
    until_ready(t, f, &Wait::to_read(), || {
        if ask && !is_ready(f.fd, libc::POLLIN) {
            return Tried::Done(AGAIN);
        }
        let r = match f.kind {
            k if k.is_socket() => receive_from_socket(f, m),
            _ => receive_otherwise(f, m, flags),
        };
        let short = r > 0 && (r as usize) < total;
        let drained = match f.kind {
            Kind::Tcp => short && !f.entry.had_urgent(),
            Kind::Pipe => short && f.entry.known_mode().is_some_and(|m| m & PACKETS == 0),
            _ => false,
        };
        if drained { Tried::Drained(r) } else { Tried::Done(r) }
    })
}

#[inline(always)]
fn receive_from_socket(f: File, m: Memory) -> isize {
    let (fd, dont_wait) = (f.fd as usize, libc::MSG_DONTWAIT as usize);
    match m {
        // SAFETY: the program's own buffer; the kernel checks it.
        Memory::One(at, len) => unsafe { sys::syscall6(nr(libc::SYS_recvfrom), fd, at, len, dont_wait, 0, 0) },
        Memory::Many(at, count) => {
            let mut hdr = super::message::Header { iov: at, iov_len: count, ..Default::default() };
            // SAFETY: as above; the header is ours.
            unsafe { sys::syscall3(nr(libc::SYS_recvmsg), fd, &raw mut hdr as usize, dont_wait) }
        }
    }
}

fn receive_otherwise(f: File, m: Memory, flags: i32) -> isize {
    let fd = f.fd as usize;
    let mut window = Window::new();
    let (at, count) = m.rest(0, usize::MAX, &mut window);
    if !f.entry.lacks_nowait(NO_NOWAIT_IN) {
        let flags = (flags | libc::RWF_NOWAIT) as usize;
        // SAFETY: buffers of the program's; offset -1 is "the current one".
        let r = unsafe { sys::syscall6(nr(libc::SYS_preadv2), fd, at, count, usize::MAX, 0, flags) };
        if !unsupported(r) {
            return r;
        }
        f.entry.without_nowait(NO_NOWAIT_IN);
    }
    if f.entry.mode(f.fd) & NONBLOCK == 0 && !is_ready(f.fd, libc::POLLIN) {
        return AGAIN;
    }
    let _turn = f.entry.turn.lock();
    if f.entry.mode(f.fd) & NONBLOCK == 0 && !is_ready(f.fd, libc::POLLIN) {
        return AGAIN;
    }
    // SAFETY: as above.
    unsafe {
        match m {
            Memory::One(at, len) => sys::syscall3(nr(libc::SYS_read), fd, at, len),
            Memory::Many(at, count) if flags == 0 => sys::syscall3(nr(libc::SYS_readv), fd, at, count),
            Memory::Many(at, count) => {
                sys::syscall6(nr(libc::SYS_preadv2), fd, at, count, usize::MAX, 0, flags as usize)
            }
        }
    }
}

#[inline(always)]
fn send(t: ThreadRef, m: Memory, flags: i32) -> Step {
    if helper::has(t) {
        return helper::offload(t);
    }
    let Some(f) = file(t) else {
        return Step::Native;
    };
    let socket = f.kind.is_socket();
    let total = match m.total() {
        None => return Step::Native,
        Some(0) if !socket => return Step::Native,
        Some(n) => n,
    };
    let whole = f.kind.is_stream() || f.kind == Kind::Pipe;
    let mut by_helper = false;
    let step = until_ready(t, f, &Wait::to_write(), || {
        loop {
            let done = t.call.done.get() as usize;
            let r = if socket {
                send_to_socket(t, f, m, done)
            } else if let Some(r) = send_now(t, f, m, done, flags) {
                r
            } else if adds_more_than_one(f, m) {
                by_helper = true;
                return Tried::Drained(0);
            } else {
                send_when_ready(t, f, m, done, flags)
            };
            if r < 0 || !whole {
                return Tried::Done(r);
            }
            t.call.done.set((done + r as usize) as u64);
            if done + r as usize >= total || r == 0 {
                return Tried::Done((done + r as usize) as isize);
            }
        }
    });
    if by_helper { helper::offload_now(t) } else { step }
}

/// Whether a write may be one to an eventfd that waits although the descriptor polls writable: that says that there is
/// room for 1 (fs/eventfd.c, eventfd_poll).
#[cold]
fn adds_more_than_one(f: File, m: Memory) -> bool {
    let Memory::One(at, 8) = m else { return false };
    f.kind == Kind::Other
        && f.entry.mode(f.fd) & NONBLOCK == 0
        && user::get::<u64>(at).is_ok_and(|n| n > 1 && n != u64::MAX)
}

#[inline(always)]
fn send_to_socket(t: ThreadRef, f: File, m: Memory, done: usize) -> isize {
    let end = if f.kind == Kind::Packets { libc::MSG_EOR } else { 0 };
    let flags = (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | end) as usize;
    let fd = f.fd as usize;
    let r = match m {
        // SAFETY: the program's own buffer; the kernel checks it.
        Memory::One(at, len) => unsafe {
            sys::syscall6(nr(libc::SYS_sendto), fd, at + done, len.min(super::memory::MOST) - done, flags, 0, 0)
        },
        Memory::Many(..) => {
            let mut window = Window::new();
            let (iov, iov_len) = m.rest(done, usize::MAX, &mut window);
            let hdr = super::message::Header { iov, iov_len, ..Default::default() };
            // SAFETY: as above; the header is ours.
            unsafe { sys::syscall3(nr(libc::SYS_sendmsg), fd, &raw const hdr as usize, flags) }
        }
    };
    sent(t, r, 0)
}

/// By pwritev2, if the file knows RWF_NOWAIT.
fn send_now(t: ThreadRef, f: File, m: Memory, done: usize, flags: i32) -> Option<isize> {
    if f.entry.lacks_nowait(NO_NOWAIT_OUT) {
        return None;
    }
    let mut window = Window::new();
    let (at, count) = m.rest(done, usize::MAX, &mut window);
    let r = write_now(t, f.fd as usize, at, count, flags | libc::RWF_NOWAIT);
    if unsupported(r) {
        f.entry.without_nowait(NO_NOWAIT_OUT);
        return None;
    }
    Some(r)
}

/// After poll.
fn send_when_ready(t: ThreadRef, f: File, m: Memory, done: usize, flags: i32) -> isize {
    let fd = f.fd as usize;
    let mut window = Window::new();
    let blocking = f.entry.mode(f.fd) & NONBLOCK == 0;
    if blocking && !is_ready(f.fd, libc::POLLOUT) {
        return AGAIN;
    }
    let _turn = f.entry.turn.lock();
    if blocking && !is_ready(f.fd, libc::POLLOUT) {
        return AGAIN;
    }
    let r = match m {
        // SAFETY: buffers of the program's.
        Memory::One(at, len) if f.kind != Kind::Pipe => unsafe { sys::syscall3(nr(libc::SYS_write), fd, at, len) },
        _ => {
            let most = if blocking && f.kind == Kind::Pipe { PIPE_BUF } else { usize::MAX };
            let (at, count) = m.rest(done, most, &mut window);
            match flags {
                // SAFETY: as above.
                0 => unsafe { sys::syscall3(nr(libc::SYS_writev), fd, at, count) },
                // SAFETY: as above.
                _ => unsafe { sys::syscall6(nr(libc::SYS_pwritev2), fd, at, count, usize::MAX, 0, flags as usize) },
            }
        }
    };
    if r == -libc::EPIPE as isize {
        signal::claim_sigpipe(t);
    }
    r
}

/// pwritev2 without SIGPIPE for the OS thread, where the kernel can be told so.
fn write_now(t: ThreadRef, fd: usize, at: usize, count: usize, flags: i32) -> isize {
    static NO_NOSIGNAL: AtomicBool = AtomicBool::new(false);
    // SAFETY: buffers of the program's; offset -1 is "the current one".
    let go =
        |flags: i32| unsafe { sys::syscall6(nr(libc::SYS_pwritev2), fd, at, count, usize::MAX, 0, flags as usize) };
    if !NO_NOSIGNAL.load(Relaxed) {
        let r = go(flags | RWF_NOSIGNAL);
        if r == -libc::EPIPE as isize {
            signal::raise(t, libc::SIGPIPE);
        }
        if !unsupported(r) {
            return r;
        }
    }
    let r = go(flags);
    if !unsupported(r) {
        NO_NOSIGNAL.store(true, Relaxed);
    }
    if r == -libc::EPIPE as isize {
        signal::claim_sigpipe(t);
    }
    r
}
