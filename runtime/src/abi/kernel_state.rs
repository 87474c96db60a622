//! Calls that change what the kernel keeps for one of its threads, and that cannot be kept for a virtual one in any other
//! way: the thread is bound to its OS thread first ([`bound`]), and the kernel makes the call.
//!
//! Calls, or forms of them, that only ask, or that are about the process, go to the kernel as they are: what an unbound
//! thread has is the same on all carriers.

use super::{Step, err};
use crate::sched::bound;
use crate::sched::thread::ThreadRef;
use crate::sys;

/// Any call of this kind.
pub(crate) fn binds(t: ThreadRef) -> Step {
    match bound::stay_here(t) {
        Ok(()) => Step::Native,
        Err(s) => s,
    }
}

fn binds_if(t: ThreadRef, it_changes: bool) -> Step {
    if it_changes { binds(t) } else { Step::Native }
}

/// setfsuid(2), setfsgid(2): -1 asks. personality(2): all bits ask.
pub(crate) fn unless_all_bits(t: ThreadRef) -> Step {
    binds_if(t, t.arg(0) as u32 != u32::MAX)
}

/// unshare(2): nothing asked for, nothing done.
pub(crate) fn unshare(t: ThreadRef) -> Step {
    binds_if(t, t.arg(0) != 0)
}

/// What prctl(2) sets for one thread.
pub(crate) fn prctl(t: ThreadRef) -> Step {
    /// linux/prctl.h, for those that libc does not name.
    const PR_SET_IO_FLUSHER: i32 = 57;
    const PR_SYS_DISPATCH: i32 = 59;
    const PR_SCHED_CORE: i32 = 62;
    const PR_CAP_AMBIENT_IS_SET: usize = 1;
    let changes = match t.arg(0) as i32 {
        libc::PR_SET_SECCOMP
        | libc::PR_SET_NO_NEW_PRIVS
        | libc::PR_SET_SECUREBITS
        | libc::PR_SET_KEEPCAPS
        | libc::PR_CAPBSET_DROP
        | libc::PR_SET_TIMERSLACK
        | libc::PR_SET_PDEATHSIG
        | libc::PR_MCE_KILL
        | libc::PR_SET_TSC
        | libc::PR_SET_SPECULATION_CTRL
        | PR_SET_IO_FLUSHER
        | PR_SYS_DISPATCH
        | PR_SCHED_CORE => true,
        libc::PR_CAP_AMBIENT => t.arg(1) != PR_CAP_AMBIENT_IS_SET,
        _ => false,
    };
    binds_if(t, changes)
}

/// seccomp(2): with TSYNC the kernel gives the filter to all OS threads, ours among them; some operations ask.
pub(crate) fn seccomp(t: ThreadRef) -> Step {
    let (operation, flags) = (t.arg(0) as u32, t.arg(1));
    let filter = operation == libc::SECCOMP_SET_MODE_FILTER;
    if !filter || flags & libc::SECCOMP_FILTER_FLAG_TSYNC as usize == 0 {
        return binds_if(t, filter || operation == libc::SECCOMP_SET_MODE_STRICT);
    }
    const TSYNC_ESRCH: usize = 1 << 4;
    loop {
        // SAFETY: the program's call.
        let r = unsafe { sys::syscall3(sys::nr(libc::SYS_seccomp), t.arg(0), flags, t.arg(2)) };
        // A thread whose filter is another one. If it has ended, its OS thread does any moment.
        if r <= 0 || flags & TSYNC_ESRCH != 0 || !bound::is_ending(r as i32) {
            return Step::Done(r);
        }
        // SAFETY: gives the time slice away.
        unsafe { sys::syscall0(sys::nr(libc::SYS_sched_yield)) };
    }
}

/// ioprio_set(2): of the calling thread. Of others the kernel knows those that are bound.
pub(crate) fn ioprio_set(t: ThreadRef) -> Step {
    const IOPRIO_WHO_PROCESS: usize = 1;
    if t.arg(0) == IOPRIO_WHO_PROCESS { about(t, 1, t.arg(1)) } else { Step::Native }
}

/// perf_event_open(2): counts what the calling thread does.
pub(crate) fn perf_event_open(t: ThreadRef) -> Step {
    about(t, 1, t.arg(1))
}

/// A call in which argument `i` names a thread, 0 the calling one.
fn about(t: ThreadRef, i: usize, tid: usize) -> Step {
    if tid as u32 != 0 && tid as u32 != t.tid.get() {
        return Step::Native;
    }
    if let Err(s) = bound::stay_here(t) {
        return s;
    }
    let r = t.regs();
    let mut a = [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9].map(|v| v as usize);
    a[i] = 0;
    // SAFETY: the program's call, about the calling thread by another name.
    Step::Done(unsafe { sys::syscall6(r.rax as usize, a[0], a[1], a[2], a[3], a[4], a[5]) })
}

/// add_key(2), request_key(2), keyctl(2): a thread's keyring, and the session's if it is joined anew, are one thread's.
pub(crate) fn keys(t: ThreadRef) -> Step {
    const KEY_SPEC_THREAD_KEYRING: i32 = -1;
    const KEYCTL_JOIN_SESSION_KEYRING: usize = 1;
    const KEYCTL_SET_REQKEY_KEYRING: usize = 14;
    const KEYCTL_SESSION_TO_PARENT: usize = 18;
    let keyctl = t.regs().rax as usize == sys::nr(libc::SYS_keyctl);
    let sets = [KEYCTL_JOIN_SESSION_KEYRING, KEYCTL_SET_REQKEY_KEYRING, KEYCTL_SESSION_TO_PARENT];
    let own = (1..5).any(|i| t.arg(i) as i32 == KEY_SPEC_THREAD_KEYRING);
    binds_if(t, own || keyctl && sets.contains(&t.arg(0)))
}

/// ptrace(2): a tracer is one OS thread. Who lets itself be traced is the process as its tracer knows it.
pub(crate) fn ptrace(t: ThreadRef) -> Step {
    binds_if(t, t.arg(0) as u32 != libc::PTRACE_TRACEME)
}

/// arch_prctl(2): the GS base is not switched, so it binds. Tile registers are not kept, and shadow stacks not known: a
/// program that asks for them gets the answer of a kernel without.
pub(crate) fn arch_prctl(t: ThreadRef) -> Step {
    const ARCH_SET_GS: usize = 0x1001;
    const ARCH_SET_CPUID: usize = 0x1012;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const ARCH_SHSTK_ENABLE: usize = 0x5001;
    match t.arg(0) {
        ARCH_SET_GS | ARCH_SET_CPUID => binds(t),
        ARCH_REQ_XCOMP_PERM => err(libc::EOPNOTSUPP),
        ARCH_SHSTK_ENABLE => err(libc::EOPNOTSUPP),
        _ => Step::Native,
    }
}
