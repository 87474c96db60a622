//! Who a thread is: its id, its name, its robust list, its place among others, and what glibc registers with the kernel.
//!
//! The kernel does not know our tids. What is a name is kept per thread; what is a hint to the kernel's scheduler
//! (affinity, nice value, policy) is answered for the process, since virtual threads share the carriers.

use super::{Step, err};
use crate::process;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::kernel::RobustListHead;
use crate::sys::{self, user};

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

/// sched_setaffinity(2) for a thread of ours: kept and reported. The carrier it happens to be on is not bound: others run
/// there, too.
pub(crate) fn set_affinity(t: ThreadRef) -> Step {
    let (tid, size, at) = (t.arg(0) as u32, t.arg(1), t.arg(2));
    let own = tid == 0 || tid == t.tid.get();
    if size < 8 || !(own || tids::with(tid, |_| ()).is_some()) {
        return for_process(t, 0);
    }
    let wanted: u64 = match user::get(at) {
        Ok(m) => m,
        Err(f) => return f.into(),
    };
    let mut usable = [0u64; 16];
    // SAFETY: the kernel writes at most the given size.
    unsafe {
        let (len, at) = (size_of_val(&usable), usable.as_mut_ptr() as usize);
        sys::syscall3(sys::nr(libc::SYS_sched_getaffinity), 0, len, at);
    }
    if wanted & usable[0] == 0 {
        return err(libc::EINVAL);
    }
    let mask = wanted & usable[0];
    if own {
        t.affinity.set(mask);
    } else {
        tids::with(tid, |o| o.affinity.set(mask));
    }
    Step::Done(0)
}

/// sched_getaffinity(2): what was set, else what the process has.
pub(crate) fn get_affinity(t: ThreadRef) -> Step {
    let (tid, size, at) = (t.arg(0) as u32, t.arg(1), t.arg(2));
    let own = tid == 0 || tid == t.tid.get();
    let set = if own { Some(t.affinity.get()) } else { tids::with(tid, |o| o.affinity.get()) };
    match set {
        Some(mask) if mask != 0 && size >= 8 => match user::put(at, &mask) {
            Ok(()) => Step::Done(8),
            Err(f) => f.into(),
        },
        _ => for_process(t, 0),
    }
}

/// Calls whose first argument is a tid, 0 for the caller: sched_setaffinity and its kin.
pub(crate) fn about_tid(t: ThreadRef) -> Step {
    for_process(t, 0)
}

/// getpriority(2) and setpriority(2): the tid is the second argument, if the first says so.
pub(crate) fn priority(t: ThreadRef) -> Step {
    if t.arg(0) != libc::PRIO_PROCESS as usize { Step::Native } else { for_process(t, 1) }
}

/// Makes the call for the OS thread that is running instead of the virtual one argument `i` names. A hint like this
/// cannot be kept for one virtual thread, but asking back gives what was set.
fn for_process(t: ThreadRef, i: usize) -> Step {
    let tid = t.arg(i) as u32;
    if !tids::is_ours(tid) {
        return Step::Native;
    }
    if tids::with(tid, |_| ()).is_none() {
        return err(libc::ESRCH);
    }
    let r = t.regs();
    let mut a = [r.rdi as usize, r.rsi as usize, r.rdx as usize, r.r10 as usize];
    a[i] = 0;
    // SAFETY: the call the program made, about another thread.
    Step::Done(unsafe { sys::syscall4(r.rax as usize, a[0], a[1], a[2], a[3]) })
}
