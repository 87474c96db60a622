//! Calls that change what a descriptor is: close(2), dup(2), close_range(2), fcntl(2), and the flags that change how calls
//! on it wait.
//!
//! What is known of a number is forgotten when it is closed, before and after: before, because those who wait must not
//! miss it; after, because one of them may have looked again in between. The engine's own descriptors are not open as far
//! as the program is concerned.

use super::{Step, err, files, locks, procfs};
use crate::reactor::{self, Kind};
use crate::sched::thread::ThreadRef;
use crate::sys::{self, nr};

/// The call the program made.
fn as_made(t: ThreadRef) -> isize {
    let r = t.regs();
    let (a, b, c) = (r.rdi as usize, r.rsi as usize, r.rdx as usize);
    // SAFETY: the program's call with the program's arguments.
    unsafe { sys::syscall6(r.rax as usize, a, b, c, r.r10 as usize, r.r8 as usize, r.r9 as usize) }
}

/// close(2).
pub(crate) fn close(t: ThreadRef) -> Step {
    let fd = t.arg(0) as i32;
    if reactor::is_own(fd) {
        return err(libc::EBADF);
    }
    procfs::closing(fd);
    reactor::closing(fd);
    let r = as_made(t);
    reactor::forget(fd);
    Step::Done(r)
}

/// close_range(2): all but ours.
pub(crate) fn close_range(t: ThreadRef) -> Step {
    const ONLY_MARKS: usize = 4; // CLOSE_RANGE_CLOEXEC
    let (first, last, flags) = (t.arg(0) as u32, t.arg(1) as u32, t.arg(2));
    if first > last || flags & ONLY_MARKS != 0 {
        return Step::Native;
    }
    for fd in reactor::known(first, last) {
        reactor::closing(fd);
    }
    let mut from = first;
    let mut result;
    loop {
        let own = reactor::next_own(from).filter(|fd| *fd <= last);
        let to = own.map_or(Some(last), |fd| fd.checked_sub(1));
        result = match to {
            // SAFETY: descriptors of the program's.
            Some(to) if to >= from => unsafe {
                sys::syscall3(nr(libc::SYS_close_range), from as usize, to as usize, flags)
            },
            _ => 0,
        };
        match own {
            Some(fd) if result == 0 && fd < last => from = fd + 1,
            _ => break,
        }
    }
    for fd in reactor::known(first, last) {
        reactor::forget(fd);
    }
    Step::Done(result)
}

/// dup(2).
pub(crate) fn dup(t: ThreadRef) -> Step {
    let old = t.arg(0) as i32;
    if reactor::is_own(old) {
        return err(libc::EBADF);
    }
    let r = as_made(t);
    duplicated(old, r);
    Step::Done(r)
}

/// dup2(2), dup3(2).
pub(crate) fn dup2(t: ThreadRef) -> Step {
    let (old, new) = (t.arg(0) as i32, t.arg(1) as i32);
    if reactor::is_own(old) || reactor::is_own(new) {
        return err(libc::EBADF);
    }
    if old == new {
        return Step::Native;
    }
    reactor::closing(new);
    let r = as_made(t);
    reactor::forget(new);
    duplicated(old, r);
    Step::Done(r)
}

fn duplicated(old: i32, new: isize) {
    if new < 0 {
        return;
    }
    if let (Some(o), Some(n)) = (reactor::entry(old), reactor::entry(new as i32)) {
        o.duplicated();
        if let Some(kind) = o.known_kind() {
            n.set_kind(kind);
        }
    }
}

/// fcntl(2).
pub(crate) fn fcntl(t: ThreadRef) -> Step {
    let fd = t.arg(0) as i32;
    if reactor::is_own(fd) {
        return err(libc::EBADF);
    }
    match t.arg(1) as i32 {
        libc::F_SETFL => {
            let r = as_made(t);
            if let Some(e) = reactor::entry(fd) {
                e.flags_changed();
            }
            Step::Done(r)
        }
        libc::F_SETLKW | libc::F_OFD_SETLKW => locks::setlkw(t),
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => {
            let r = as_made(t);
            duplicated(fd, r);
            Step::Done(r)
        }
        _ => Step::Native,
    }
}

/// ioctl(2).
pub(crate) fn ioctl(t: ThreadRef) -> Step {
    if t.arg(1) as u32 as u64 != libc::FIONBIO {
        return files::terminal_ioctl(t);
    }
    let r = as_made(t);
    if let Some(e) = reactor::entry(t.arg(0) as i32) {
        e.flags_changed();
    }
    Step::Done(r)
}

/// setsockopt(2).
pub(crate) fn setsockopt(t: ThreadRef) -> Step {
    /// The forms with 64-bit time (asm-generic/socket.h), and TLS in the kernel, whose reads stop at records.
    const SO_RCVTIMEO_NEW: i32 = 66;
    const SO_SNDTIMEO_NEW: i32 = 67;
    const TCP_ULP: i32 = 31;
    let entry = reactor::entry(t.arg(0) as i32);
    match (t.arg(1) as i32, t.arg(2) as i32) {
        (
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO | libc::SO_SNDTIMEO | SO_RCVTIMEO_NEW | SO_SNDTIMEO_NEW | libc::SO_RCVLOWAT,
        ) => {
            let r = as_made(t);
            if let Some(e) = entry {
                e.socket_option_changed();
            }
            Step::Done(r)
        }
        (libc::IPPROTO_TCP, TCP_ULP) => {
            let r = as_made(t);
            if let Some(e) = entry.filter(|_| r == 0) {
                e.set_kind(Kind::Stream);
            }
            Step::Done(r)
        }
        _ => Step::Native,
    }
}
