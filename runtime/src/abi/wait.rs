//! Waiting for children: wait4(2) and waitid(2).
//!
//! First without waiting: it tells a child that has ended, and whether there is one at all. The wait itself is a helper's,
//! with the program's own arguments: any child, a group, stops and continuations, concurrent waiters, all as the kernel has
//! it. A pidfd would serve for one kind only (a given child, its end) and shows in the program's descriptors.

use super::Step;
use crate::sched::helper;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::kernel::SigInfo;
use crate::sys::{self, nr, user};

const NOHANG: usize = libc::WNOHANG as usize;

/// wait4(2), and with it wait(2) and waitpid(2).
pub(crate) fn wait4(t: ThreadRef) -> Step {
    if t.woken().is_some() {
        return helper::offload(t);
    }
    let options = t.arg(2);
    if options & NOHANG != 0 || tids::live() == 1 {
        return Step::Native;
    }
    // SAFETY: the program's call; the kernel checks its pointers.
    match unsafe { sys::syscall4(nr(libc::SYS_wait4), t.arg(0), t.arg(1), options | NOHANG, t.arg(3)) } {
        0 => helper::offload(t),
        r => Step::Done(r),
    }
}

/// waitid(2).
pub(crate) fn waitid(t: ThreadRef) -> Step {
    if t.woken().is_some() {
        return helper::offload(t);
    }
    let (info, options) = (t.arg(2), t.arg(3));
    if options & NOHANG != 0 || tids::live() == 1 {
        return Step::Native;
    }
    if info == 0 {
        // Without a siginfo, 0 does not tell whether there was a child.
        return helper::offload(t);
    }
    // SAFETY: the program's call; the kernel checks its pointers.
    let r = unsafe { sys::syscall5(nr(libc::SYS_waitid), t.arg(0), t.arg(1), info, options | NOHANG, t.arg(4)) };
    if r != 0 {
        return Step::Done(r);
    }
    match user::get::<SigInfo>(info) {
        Ok(i) if i.fields[0] as u32 == 0 => helper::offload(t),
        _ => Step::Done(0),
    }
}
