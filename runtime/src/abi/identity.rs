//! Who a thread is: its id, its name, its robust list, and what glibc registers with the kernel, which does not know our tids.

use super::{Step, err};
use crate::process;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::kernel::RobustListHead;
use crate::sys::user;

/// gettid(2).
pub(crate) fn gettid(t: ThreadRef) -> Step {
    Step::Done(t.tid.get() as isize)
}

/// set_tid_address(2).
pub(crate) fn set_tid_address(t: ThreadRef) -> Step {
    t.clear_tid.set(t.arg(0));
    gettid(t)
}

/// set_robust_list(2). The kernel's own list of the OS thread stays empty.
pub(crate) fn set_robust_list(t: ThreadRef) -> Step {
    if t.arg(1) != size_of::<RobustListHead>() {
        return err(libc::EINVAL);
    }
    t.robust.set(t.arg(0));
    Step::Done(0)
}

/// get_robust_list(2).
pub(crate) fn get_robust_list(t: ThreadRef) -> Step {
    let tid = t.arg(0) as u32;
    let head = if tid == 0 || tid == t.tid.get() { Some(t.robust.get()) } else { tids::with(tid, |o| o.robust.get()) };
    let Some(head) = head else { return if tids::is_ours(tid) { err(libc::ESRCH) } else { Step::Native } };
    match user::put(t.arg(2), &size_of::<RobustListHead>()).and_then(|()| user::put(t.arg(1), &head)) {
        Ok(()) => Step::Done(0),
        Err(f) => f.into(),
    }
}

/// rseq(2): the kernel would write the CPU of an OS thread into the area of a thread that moves, so there is none. glibc
/// takes ENOSYS for an old kernel (sysdeps/unix/sysv/linux/rseq-internal.h).
pub(crate) fn rseq(_: ThreadRef) -> Step {
    err(libc::ENOSYS)
}

/// prctl(2): names are the thread's; what the kernel keeps for one thread binds it.
pub(crate) fn prctl(t: ThreadRef) -> Step {
    match t.arg(0) as i32 {
        libc::PR_SET_NAME => set_name(t, t, t.arg(1)),
        libc::PR_GET_NAME => match user::put(t.arg(1), &t.name.get()) {
            Ok(()) => Step::Done(0),
            Err(f) => f.into(),
        },
        _ => super::kernel_state::prctl(t),
    }
}

/// Reads a name of up to 15 bytes from the program's memory. The first thread's is the process's, too: the kernel shows it.
fn set_name(t: ThreadRef, of: ThreadRef, at: usize) -> Step {
    let mut name = [0u8; 16];
    for (i, c) in name.iter_mut().take(15).enumerate() {
        match user::get::<u8>(at + i) {
            Ok(0) => break,
            Ok(b) => *c = b,
            Err(f) => return f.into(),
        }
    }
    rename(of, name);
    if of.main.get() && t.os().ktid.load(core::sync::atomic::Ordering::Relaxed) == process::pid() {
        return Step::Native;
    }
    Step::Done(0)
}

/// Gives a thread a name, zero-terminated.
pub(crate) fn rename(t: ThreadRef, name: [u8; 16]) {
    t.name.set(name);
}
