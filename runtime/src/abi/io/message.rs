//! recvfrom(2), recvmsg(2), sendto(2), sendmsg(2).
//!
//! The calls as the program made them, plus MSG_DONTWAIT. MSG_WAITALL and blocking sends on streams go on after a part:
//! without the address and the ancillary data, which belong to the first part.

use super::memory::{Memory, Window};
use super::{AGAIN, File, IN, Tried, Wait, file, is_ready, sent, until_ready};
use crate::abi::Step;
use crate::reactor::mode::{self, LOW_WATER, NONBLOCK};
use crate::reactor::{self, Kind};
use crate::sched::helper;
use crate::sched::thread::ThreadRef;
use crate::sys::user::Plain;
use crate::sys::{self, nr, user};

/// `struct user_msghdr` (include/linux/socket.h).
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Header {
    pub(super) name: usize,
    pub(super) name_len: u64,
    pub(super) iov: usize,
    pub(super) iov_len: usize,
    pub(super) control: usize,
    pub(super) control_len: usize,
    pub(super) flags: u64,
}
// SAFETY: integers; the padding after the two 4-byte fields is part of theirs here.
unsafe impl Plain for Header {}

/// `struct cmsghdr`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Ancillary {
    len: usize,
    level: i32,
    kind: i32,
}
// SAFETY: integers.
unsafe impl Plain for Ancillary {}

/// recvfrom(2).
pub(crate) fn recvfrom(t: ThreadRef) -> Step {
    let memory = Memory::One(t.arg(1), t.arg(2));
    let flags = t.arg(3) as i32;
    receive(t, memory, flags, |fd, done| {
        let r = t.regs();
        let (at, len, flags) = (r.rsi as usize + done, r.rdx as usize - done, (flags | libc::MSG_DONTWAIT) as usize);
        // The address belongs to the first part.
        let (name, name_len) = if done == 0 { (r.r8 as usize, r.r9 as usize) } else { (0, 0) };
        // SAFETY: the call the program made, without waiting.
        unsafe { sys::syscall6(nr(libc::SYS_recvfrom), fd, at, len, flags, name, name_len) }
    })
}

/// recvmsg(2).
pub(crate) fn recvmsg(t: ThreadRef) -> Step {
    let flags = t.arg(2) as i32;
    let Ok(header) = user::get::<Header>(t.arg(1)) else {
        return Step::Native;
    };
    let memory = Memory::Many(header.iov, header.iov_len);
    receive(t, memory, flags, |fd, done| {
        let flags = (flags | libc::MSG_DONTWAIT) as usize;
        if done == 0 {
            // SAFETY: the call the program made, without waiting.
            return unsafe { sys::syscall3(nr(libc::SYS_recvmsg), fd, t.arg(1), flags) };
        }
        let mut window = Window::new();
        let (iov, iov_len) = memory.rest(done, usize::MAX, &mut window);
        let mut rest = Header { iov, iov_len, ..Default::default() };
        // SAFETY: the program's buffers; the header is ours.
        unsafe { sys::syscall3(nr(libc::SYS_recvmsg), fd, &raw mut rest as usize, flags) }
    })
}

/// Receives, again and again if MSG_WAITALL wants more; `one` gets the descriptor and the bytes that are there already.
fn receive(t: ThreadRef, memory: Memory, flags: i32, one: impl Fn(usize, usize) -> isize) -> Step {
    // Out-of-band data and errors are there or are not (tcp_recv_urg, inet_recv_error).
    if flags & (libc::MSG_OOB | libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) != 0 {
        return Step::Native;
    }
    let Some(f) = file(t) else {
        return Step::Native;
    };
    let (peek, all) = (flags & libc::MSG_PEEK != 0, flags & libc::MSG_WAITALL != 0 && f.kind.is_stream());
    let Some(total) = memory.total() else {
        return Step::Native;
    };
    let m = f.entry.mode(f.fd);
    let ask = m & (LOW_WATER | NONBLOCK) == LOW_WATER;
    // With a socket that does not wait, MSG_WAITALL means nothing.
    let all = all && m & NONBLOCK == 0;
    until_ready(t, f, &Wait::to_read(), || {
        if ask && !is_ready(f.fd, libc::POLLIN) {
            return Tried::Done(AGAIN);
        }
        loop {
            let done = t.call.done.get() as usize;
            let r = one(f.fd as usize, done);
            if r < 0 {
                return Tried::Done(r);
            }
            let sum = done + r as usize;
            if all && peek && (r as usize) < total && r > 0 && !f.entry.at_end() {
                // Looked at, not taken: looked at again when there is more.
                return Tried::Done(AGAIN);
            }
            if all && !peek && r > 0 && sum < total {
                t.call.done.set(sum as u64);
                continue;
            }
            let drained = f.kind == Kind::Tcp && !peek && r > 0 && sum < total && !f.entry.had_urgent();
            return if drained { Tried::Drained(sum as isize) } else { Tried::Done(sum as isize) };
        }
    })
}

/// sendto(2).
pub(crate) fn sendto(t: ThreadRef) -> Step {
    if helper::has(t) {
        return helper::offload(t);
    }
    let flags = t.arg(3) as i32;
    let Some(f) = file(t) else {
        return Step::Native;
    };
    let memory = Memory::One(t.arg(1), t.arg(2));
    if t.arg(4) != 0 && waits_for_the_receiver(f) {
        return unconnected(t, f, flags);
    }
    send(t, f, memory, flags, |done| {
        let r = t.regs();
        let (at, len) = (r.rsi as usize + done, r.rdx as usize - done);
        let flags = (flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as usize;
        // SAFETY: the call the program made, without waiting.
        unsafe { sys::syscall6(nr(libc::SYS_sendto), f.fd as usize, at, len, flags, r.r8 as usize, r.r9 as usize) }
    })
}

/// sendmsg(2).
pub(crate) fn sendmsg(t: ThreadRef) -> Step {
    if helper::has(t) {
        return helper::offload(t);
    }
    let flags = t.arg(2) as i32;
    let Some(f) = file(t) else {
        return Step::Native;
    };
    let Ok(header) = user::get::<Header>(t.arg(1)) else {
        return Step::Native;
    };
    note_descriptors(&header);
    if header.name != 0 && waits_for_the_receiver(f) {
        return unconnected(t, f, flags);
    }
    let memory = Memory::Many(header.iov, header.iov_len);
    send(t, f, memory, flags, |done| {
        let flags = (flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as usize;
        if done == 0 {
            // SAFETY: the call the program made, without waiting.
            return unsafe { sys::syscall3(nr(libc::SYS_sendmsg), f.fd as usize, t.arg(1), flags) };
        }
        let mut window = Window::new();
        let (iov, iov_len) = memory.rest(done, usize::MAX, &mut window);
        let rest = Header { iov, iov_len, ..Default::default() };
        // SAFETY: the program's buffers; the header is ours.
        unsafe { sys::syscall3(nr(libc::SYS_sendmsg), f.fd as usize, &raw const rest as usize, flags) }
    })
}

/// Sends; on a stream until all is sent. `one` gets the bytes that are sent already.
fn send(t: ThreadRef, f: File, memory: Memory, flags: i32, one: impl Fn(usize) -> isize) -> Step {
    let Some(total) = memory.total() else {
        return Step::Native;
    };
    let wait = Wait { never: flags & libc::MSG_DONTWAIT != 0, ..Wait::to_write() };
    until_ready(t, f, &wait, || {
        loop {
            let done = t.call.done.get() as usize;
            let r = sent(t, one(done), flags);
            if r < 0 || !f.kind.is_stream() {
                return Tried::Done(r);
            }
            let sum = done + r as usize;
            t.call.done.set(sum as u64);
            if sum >= total || r == 0 {
                return Tried::Done(sum as isize);
            }
        }
    })
}

/// A datagram to a UNIX address waits for room in the receiver's queue, of which the sender's readiness says nothing
/// (net/unix/af_unix.c, unix_dgram_sendmsg).
fn waits_for_the_receiver(f: File) -> bool {
    f.kind == Kind::Socket && reactor::socket_option(f.fd, libc::SO_DOMAIN) == Some(libc::AF_UNIX)
}

/// Sends such a datagram: at once if there is room.
fn unconnected(t: ThreadRef, f: File, flags: i32) -> Step {
    let r = t.regs();
    let is_sendto = r.rax as usize == nr(libc::SYS_sendto);
    let now = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the call the program made, without waiting.
    let result = unsafe {
        let (a, b, c) = (r.rdi as usize, r.rsi as usize, r.rdx as usize);
        if is_sendto {
            sys::syscall6(nr(libc::SYS_sendto), a, b, c, (flags | now) as usize, r.r8 as usize, r.r9 as usize)
        } else {
            sys::syscall3(nr(libc::SYS_sendmsg), a, b, (flags | now) as usize)
        }
    };
    let waits = flags & libc::MSG_DONTWAIT == 0 && f.entry.mode(f.fd) & NONBLOCK == 0;
    if result == AGAIN && waits { helper::offload_now(t) } else { Step::Done(sent(t, result, flags)) }
}

/// Open files that are sent are no longer ours alone.
pub(super) fn note_descriptors(h: &Header) {
    let mut at = h.control;
    let end = h.control.saturating_add(h.control_len);
    while at != 0 && end.saturating_sub(at) >= size_of::<Ancillary>() {
        let Ok(a) = user::get::<Ancillary>(at) else {
            return;
        };
        if a.level == libc::SOL_SOCKET && a.kind == libc::SCM_RIGHTS {
            return mode::all_shared();
        }
        if a.len < size_of::<Ancillary>() {
            return;
        }
        at = at.saturating_add((a.len + 7) & !7);
    }
}

const _: () = assert!(size_of::<Header>() == 56 && IN != 0);
