//! Who a thread is: its id, its robust list, and what glibc registers with the kernel for it.

use super::{Step, err};
use crate::sched::thread::ThreadRef;
use crate::sys::kernel::RobustListHead;

/// gettid(2).
pub(crate) fn gettid(t: ThreadRef) -> Step {
    Step::Done(t.tid.get() as isize)
}

/// set_tid_address(2).
pub(crate) fn set_tid_address(t: ThreadRef) -> Step {
    t.clear_tid.set(t.arg(0));
    gettid(t)
}

/// set_robust_list(2). The kernel's own list of the OS thread stays what it was.
pub(crate) fn set_robust_list(t: ThreadRef) -> Step {
    if t.arg(1) != size_of::<RobustListHead>() {
        return err(libc::EINVAL);
    }
    t.robust.set(t.arg(0));
    Step::Done(0)
}

/// rseq(2): the kernel would write the CPU of an OS thread into the area of a thread that moves, so there is none. glibc
/// takes ENOSYS for an old kernel (sysdeps/unix/sysv/linux/rseq-internal.h).
pub(crate) fn rseq(_: ThreadRef) -> Step {
    err(libc::ENOSYS)
}
