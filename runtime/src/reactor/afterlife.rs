//! A descriptor that is closed while calls wait on it: they go on with the open file, as in the kernel, which looks a number
//! up once, at the beginning of a call.
//!
//! The open file gets a number of ours for as long as they need it, and their nodes move to its entry. A call that finds
//! itself moved goes on under that number and gives it back when it is done; the last one closes it. As natively, the
//! other side does not see the end of a connection until then.

use super::fd::{Fd, FdWait, entry};
use crate::sys::{self, nr};
use core::sync::atomic::Ordering::*;

/// Moves those who wait in input and output calls to a number of their own. True: there are some.
pub(super) fn keep(fd: i32, e: &Fd) -> bool {
    let mut list = e.waiters.lock();
    if !list.any_staying() {
        return false;
    }
    let Some((number, n)) = duplicate(fd) else { return false };
    let mut new = n.waiters.lock();
    if n.register(number).is_err() {
        // SAFETY: just made, and known to nobody.
        unsafe { sys::syscall1(nr(libc::SYS_close), number as usize) };
        return false;
    }
    list.take_staying(|node| {
        node.fd.set(number);
        // One that has moved before has given its guest's right to the old number back when that is closed.
        node.moved.set(true);
        n.guests.fetch_add(1, SeqCst);
        new.link(node);
    });
    true
}

/// A second number for the open file, out of the way of the program's.
fn duplicate(fd: i32) -> Option<(i32, &'static Fd)> {
    let mut limit = [0u64; 2];
    // SAFETY: prlimit64 writes two words; the other calls have no pointers.
    unsafe {
        sys::syscall4(nr(libc::SYS_prlimit64), 0, libc::RLIMIT_NOFILE as usize, 0, limit.as_mut_ptr() as usize);
        let least = (limit[0].min(super::room() as u64) * 3 / 4) as usize;
        let r = sys::syscall3(nr(libc::SYS_fcntl), fd as usize, libc::F_DUPFD_CLOEXEC as usize, least);
        let number = i32::try_from(r).ok().filter(|n| *n >= 0)?;
        match entry(number) {
            Some(n) => Some((number, n)),
            None => {
                sys::syscall1(nr(libc::SYS_close), number as usize);
                None
            }
        }
    }
}

/// The call whose node this is has ended.
pub(crate) fn leave(node: &FdWait) {
    let Some(number) = node.moved_to() else { return };
    node.begin();
    if let Some(e) = entry(number)
        && e.guests.fetch_sub(1, SeqCst) == 1
    {
        super::forget(number);
        // SAFETY: our own number, which nobody uses any more.
        unsafe { sys::syscall1(nr(libc::SYS_close), number as usize) };
    }
}
