//! Locks on files: flock(2), and the waiting commands of fcntl(2).
//!
//! First without waiting, which is all that a free lock needs; then by a helper. What an attempt changes, the waiting call
//! would have changed as well: a converted flock gives the old lock up first, either way (flock(2)).

use super::Step;
use crate::sched::helper;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::{self, nr};

/// flock(2).
pub(crate) fn flock(t: ThreadRef) -> Step {
    if t.woken().is_some() {
        return helper::offload(t);
    }
    let (fd, op) = (t.arg(0), t.arg(1) as i32);
    if tids::live() == 1 || op & (libc::LOCK_NB | libc::LOCK_UN) != 0 {
        return Step::Native;
    }
    // SAFETY: a call without pointers, as the program made it.
    match unsafe { sys::syscall2(nr(libc::SYS_flock), fd, (op | libc::LOCK_NB) as usize) } {
        r if r == -libc::EWOULDBLOCK as isize => helper::offload(t),
        r => Step::Done(r),
    }
}

/// F_SETLKW and F_OFD_SETLKW.
pub(crate) fn setlkw(t: ThreadRef) -> Step {
    if t.woken().is_some() {
        return helper::offload(t);
    }
    if tids::live() == 1 {
        return Step::Native;
    }
    let try_it = if t.arg(1) as i32 == libc::F_SETLKW { libc::F_SETLK } else { libc::F_OFD_SETLK };
    // SAFETY: the kernel checks the pointer, which is the program's.
    match unsafe { sys::syscall3(nr(libc::SYS_fcntl), t.arg(0), try_it as usize, t.arg(2)) } {
        r if r == -libc::EAGAIN as isize || r == -libc::EACCES as isize => helper::offload(t),
        r => Step::Done(r),
    }
}
