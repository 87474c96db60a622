//! The system calls about signals.

use super::{NSIG, SigInfo, UNBLOCKABLE, action, bit, mask_for_call, send, send_to_process, set_mask, shared};
use crate::abi::{Step, after, err, prepare};
use crate::process;
use crate::sched::debug;
use crate::sched::state::Wake;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sched::timer::NEVER;
use crate::sys::kernel::{SigAction, SigStack, Timespec};
use crate::sys::{self, nr, user};
use core::sync::atomic::Ordering::SeqCst;

/// Bytes of the kernel's sigset_t.
const SIGSET: usize = 8;

/// rt_sigaction(2).
pub(crate) fn rt_sigaction(t: ThreadRef) -> Step {
    let (sig, new, old, size) = (t.arg(0) as i32, t.arg(1), t.arg(2), t.arg(3));
    if size != SIGSET || !(1..=NSIG as i32).contains(&sig) {
        return err(libc::EINVAL);
    }
    if matches!(sig, libc::SIGKILL | libc::SIGSTOP) {
        return Step::Native;
    }
    let before = action::get(sig);
    if new != 0 {
        match user::get::<SigAction>(new) {
            Ok(a) => {
                let blocked = t.signals.mask() & bit(sig) != 0;
                if action::set(sig, &SigAction { mask: a.mask & !UNBLOCKABLE, ..a }, blocked) {
                    shared::forget(sig);
                }
            }
            Err(f) => return f.into(),
        }
    }
    if old != 0
        && let Err(f) = user::put(old, &before)
    {
        return f.into();
    }
    Step::Done(0)
}

/// rt_sigprocmask(2).
pub(crate) fn rt_sigprocmask(t: ThreadRef) -> Step {
    let (how, new, old, size) = (t.arg(0) as i32, t.arg(1), t.arg(2), t.arg(3));
    if size != SIGSET {
        return err(libc::EINVAL);
    }
    let before = t.signals.mask();
    if new != 0 {
        let set: u64 = match user::get(new) {
            Ok(s) => s,
            Err(f) => return f.into(),
        };
        let mask = match how {
            libc::SIG_BLOCK => before | set,
            libc::SIG_UNBLOCK => before & !set,
            libc::SIG_SETMASK => set,
            _ => return err(libc::EINVAL),
        };
        if mask & !before != 0 {
            let fresh = if set == !0 { !0 } else { mask & !before };
            action::about_to_block(fresh);
            if t.main.get() && fresh != !0 {
                action::hold(fresh);
            }
        }
        set_mask(t, mask);
    }
    if old != 0
        && let Err(f) = user::put(old, &before)
    {
        return f.into();
    }
    Step::Done(0)
}

/// rt_sigpending(2).
pub(crate) fn rt_sigpending(t: ThreadRef) -> Step {
    if t.arg(1) > SIGSET {
        return err(libc::EINVAL);
    }
    super::route();
    let mut kernel = 0u64;
    // SAFETY: the kernel writes 8 bytes.
    unsafe { sys::syscall2(nr(libc::SYS_rt_sigpending), &raw mut kernel as usize, SIGSET) };
    let set = (t.signals.pending.set() | shared::QUEUE.set() | kernel) & t.signals.mask();
    match user::put(t.arg(0), &set) {
        Ok(()) => Step::Done(0),
        Err(f) => f.into(),
    }
}

/// sigaltstack(2).
pub(crate) fn sigaltstack(t: ThreadRef) -> Step {
    let (new, old) = (t.arg(0), t.arg(1));
    let now = t.signals.alt.get();
    let sp = t.regs().rsp as usize;
    let on_it = now.size != 0 && sp > now.sp && sp - now.sp <= now.size;
    let shown = if now.size == 0 {
        SigStack { flags: libc::SS_DISABLE, ..Default::default() }
    } else {
        SigStack { flags: now.flags | if on_it { libc::SS_ONSTACK } else { 0 }, ..now }
    };
    if new != 0 {
        let s: SigStack = match user::get(new) {
            Ok(s) => s,
            Err(f) => return f.into(),
        };
        const SS_AUTODISARM: i32 = i32::MIN;
        let mode = s.flags & !SS_AUTODISARM;
        if on_it {
            return err(libc::EPERM);
        }
        if !matches!(mode, 0 | libc::SS_ONSTACK | libc::SS_DISABLE) {
            return err(libc::EINVAL);
        }
        if mode == libc::SS_DISABLE {
            t.signals.alt.set(SigStack::default());
        } else if s.size < libc::MINSIGSTKSZ {
            return err(libc::ENOMEM);
        } else {
            t.signals.alt.set(SigStack { flags: s.flags & SS_AUTODISARM, ..s });
        }
    }
    if old != 0
        && let Err(f) = user::put(old, &shown)
    {
        return f.into();
    }
    Step::Done(0)
}

/// `SI_TKILL`.
const SI_TKILL: i32 = -6;

pub(super) fn from_us(sig: i32, code: i32) -> SigInfo {
    let mut i = SigInfo { signo: sig, code, ..Default::default() };
    // SAFETY: getuid has no effect.
    let uid = unsafe { sys::syscall0(nr(libc::SYS_getuid)) } as u32;
    i.fields[0] = process::pid() as u32 as u64 | (uid as u64) << 32;
    i
}

/// tgkill(2).
pub(crate) fn tgkill(t: ThreadRef) -> Step {
    if t.arg(0) as i32 != process::pid() {
        return Step::Native;
    }
    to_thread(t, t.arg(1) as u32, t.arg(2) as i32, None)
}

/// tkill(2).
pub(crate) fn tkill(t: ThreadRef) -> Step {
    to_thread(t, t.arg(0) as u32, t.arg(1) as i32, None)
}

/// rt_tgsigqueueinfo(2): pthread_sigqueue.
pub(crate) fn rt_tgsigqueueinfo(t: ThreadRef) -> Step {
    if t.arg(0) as i32 != process::pid() {
        return Step::Native;
    }
    match user::get::<SigInfo>(t.arg(3)) {
        Ok(i) => to_thread(t, t.arg(1) as u32, t.arg(2) as i32, Some(i)),
        Err(f) => f.into(),
    }
}

fn to_thread(t: ThreadRef, tid: u32, sig: i32, info: Option<SigInfo>) -> Step {
    if !(0..=NSIG as i32).contains(&sig) || tid as i32 <= 0 {
        return err(libc::EINVAL);
    }
    if !tids::is_ours(tid) && tids::with(tid, |_| ()).is_none() {
        // A thread of another process, or one of ours that the engine does not run.
        return Step::Native;
    }
    let lists_threads = sig > 0 && debug::signals() & bit(sig) != 0;
    if matches!(sig, libc::SIGKILL | libc::SIGSTOP) || lists_threads {
        // SAFETY: signals of the whole process, whichever thread they are sent to.
        return Step::Done(unsafe { sys::syscall2(nr(libc::SYS_kill), process::pid() as usize, sig as usize) });
    }
    let info = SigInfo { signo: sig, ..info.unwrap_or_else(|| from_us(sig, SI_TKILL)) };
    let counts = |to: ThreadRef| sig != 0 && (to.signals.mask() & bit(sig) != 0 || !action::is_ignored(sig));
    if tid == t.tid.get() {
        if counts(t) {
            t.signals.pending.push(&info);
        }
        return Step::Done(0);
    }
    let found = tids::with(tid, |target| {
        if counts(target) {
            send(target, &info);
        }
    });
    if found.is_some() { Step::Done(0) } else { err(libc::ESRCH) }
}

/// kill(2) to ourselves: delivered before the call returns, if the caller may take it (POSIX).
pub(crate) fn kill(t: ThreadRef) -> Step {
    let sig = t.arg(1) as i32;
    match for_ourselves(t) {
        Some(_) if treated_here(sig) => to_ourselves(t, &from_us(sig, libc::SI_USER)),
        Some(pid) if pid != t.arg(0) => {
            // SAFETY: kill(2) has no pointers.
            Step::Done(unsafe { sys::syscall2(nr(libc::SYS_kill), pid, t.arg(1)) })
        }
        _ => Step::Native,
    }
}

/// Our own process's id, if argument 0 names it: by any thread's, too (kernel/signal.c looks tasks up).
fn for_ourselves(t: ThreadRef) -> Option<usize> {
    let (id, pid) = (t.arg(0) as i32, process::pid());
    (id == pid || id > 0 && tids::with(id as u32, |_| ()).is_some()).then_some(pid as usize)
}

/// rt_sigqueueinfo(2) to ourselves: past the kernel, which would hand several to several carriers, in whatever order.
pub(crate) fn rt_sigqueueinfo(t: ThreadRef) -> Step {
    let sig = t.arg(1) as i32;
    match for_ourselves(t) {
        Some(_) if treated_here(sig) => match user::get::<SigInfo>(t.arg(2)) {
            Ok(i) => to_ourselves(t, &SigInfo { signo: sig, ..i }),
            Err(f) => f.into(),
        },
        Some(pid) if pid != t.arg(0) => {
            // SAFETY: the program's call; the kernel checks its pointer.
            Step::Done(unsafe { sys::syscall3(nr(libc::SYS_rt_sigqueueinfo), pid, t.arg(1), t.arg(2)) })
        }
        _ => Step::Native,
    }
}

/// Whether a signal to ourselves need not go through the kernel.
fn treated_here(sig: i32) -> bool {
    (1..=NSIG as i32).contains(&sig) && (UNBLOCKABLE | debug::signals()) & bit(sig) == 0 && action::is_ours(sig)
}

fn to_ourselves(t: ThreadRef, info: &SigInfo) -> Step {
    let b = bit(info.signo);
    let open = |t: ThreadRef| t.signals.mask() & b == 0;
    if action::is_default(info.signo) && shared::taker(b).is_some_and(open) {
        // It ends or stops the process before the call returns (kernel/signal.c, complete_signal).
        action::default(t, info.signo);
    } else {
        send_to_process(info);
    }
    Step::Done(0)
}

/// signalfd(2), signalfd4(2): the kernel's, which must have the signals then.
pub(crate) fn signalfd(t: ThreadRef) -> Step {
    if t.arg(2) == SIGSET
        && let Ok(set) = user::get::<u64>(t.arg(1))
    {
        super::signalfd::opened(set);
    }
    Step::Native
}

/// rt_sigsuspend(2).
pub(crate) fn rt_sigsuspend(t: ThreadRef) -> Step {
    if t.woken().is_none() {
        if t.arg(1) != SIGSET {
            return err(libc::EINVAL);
        }
        match user::get::<u64>(t.arg(0)) {
            Ok(m) => mask_for_call(t, m),
            Err(f) => return f.into(),
        }
    }
    pause(t)
}

/// pause(2).
pub(crate) fn pause(t: ThreadRef) -> Step {
    if t.woken() == Some(Wake::Signal) {
        return Step::Interrupted;
    }
    prepare(t, NEVER, true);
    Step::Park
}

/// rt_sigtimedwait(2): takes a pending signal of the set, or waits for one.
pub(crate) fn rt_sigtimedwait(t: ThreadRef) -> Step {
    let (set_at, info_at, timeout, size) = (t.arg(0), t.arg(1), t.arg(2), t.arg(3));
    let set = match user::get::<u64>(set_at) {
        Ok(s) if size == SIGSET => s & !UNBLOCKABLE,
        Ok(_) => return err(libc::EINVAL),
        Err(f) => return f.into(),
    };
    if t.woken().is_none() {
        let deadline = match timeout {
            0 => NEVER,
            _ => match user::get::<Timespec>(timeout).map(Timespec::nanos) {
                Ok(Some(ns)) => after(ns),
                Ok(None) => return err(libc::EINVAL),
                Err(f) => return f.into(),
            },
        };
        t.call.deadline.set(deadline);
    }
    // Announced first, looked at second: a sender does it the other way round.
    t.signals.waits_for.store(set, SeqCst);
    super::route();
    let taken = t.signals.pending.take(set).or_else(|| shared::take_waited_for(set)).or_else(|| kernel_pending(set));
    if let Some(info) = taken {
        waits_no_more(t);
        if info_at != 0
            && let Err(f) = user::put(info_at, &info)
        {
            return f.into();
        }
        return Step::Done(info.signo as isize);
    }
    match t.woken() {
        Some(Wake::Timeout) => {
            waits_no_more(t);
            return err(libc::EAGAIN);
        }
        Some(Wake::Signal) if super::deliverable(&t) => {
            waits_no_more(t);
            return Step::Interrupted;
        }
        _ => {}
    }
    let seq = prepare(t, t.call.deadline.get(), true);
    // What the thread waits for must come to us: the kernel has it blocked only if it came when nobody wanted it.
    super::open_for(t, set);
    if (t.signals.pending.set() | shared::QUEUE.set()) & set != 0 {
        t.waiter.state.wake(seq, Wake::Event);
    }
    Step::Park
}

fn waits_no_more(t: ThreadRef) {
    t.signals.waits_for.store(0, SeqCst);
    shared::retarget(t);
}

/// Takes what the kernel itself has pending, for signals that were blocked before the gate opened.
pub(super) fn kernel_pending(set: u64) -> Option<SigInfo> {
    let mut info = SigInfo::default();
    let zero = Timespec::default();
    let (set_at, info_at) = (&raw const set as usize, &raw mut info as usize);
    // SAFETY: structures of our own; a zero timeout does not wait.
    let r = unsafe { sys::syscall4(nr(libc::SYS_rt_sigtimedwait), set_at, info_at, &raw const zero as usize, SIGSET) };
    (!sys::is_err(r)).then_some(info)
}
