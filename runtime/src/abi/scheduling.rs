//! What the kernel's scheduler is told of a thread: policy, priority, nice value, CPU affinity.
//!
//! The calling thread's own policy and nice value are set in the kernel, for the OS thread it is bound to from then on:
//! its children by fork and exec inherit them. What is set for another thread that is not bound is kept and reported, if the
//! kernel would have allowed it; it shares carriers with others. Of one that is bound, the kernel is asked.
//! Affinity is kept and reported, and given to children of fork and exec; carriers are not tied to it.

use super::{Step, err};
use crate::sched::bound;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::{self, nr, user};
use core::sync::atomic::Ordering::*;

/// Words of the largest CPU mask.
const CPUS: usize = 16;

/// What was set for a thread by another.
#[derive(Clone, Copy)]
struct Kept {
    policy: Option<(i32, i32)>,
    nice: Option<i32>,
}

impl Kept {
    const POLICY: u64 = 1 << 63;
    const NICE: u64 = 1 << 62;

    fn of(t: ThreadRef) -> Kept {
        let v = t.scheduling.load(Relaxed);
        Kept {
            policy: (v & Self::POLICY != 0).then_some(((v >> 16 & 0xff) as i32, (v >> 8 & 0xff) as i32)),
            nice: (v & Self::NICE != 0).then_some((v & 0xff) as u8 as i8 as i32),
        }
    }

    fn store(self, t: ThreadRef) {
        let policy =
            self.policy.map_or(0, |(p, prio)| Self::POLICY | (p as u64 & 0xff) << 16 | (prio as u64 & 0xff) << 8);
        let nice = self.nice.map_or(0, |n| Self::NICE | n as u8 as u64);
        t.scheduling.store(policy | nice, Relaxed);
    }
}

/// The thread is bound to the calling OS thread from now on: what was kept of it is set there.
pub(crate) fn apply(t: ThreadRef) {
    let kept = Kept::of(t);
    // SAFETY: numbers and a structure of our own. It was permitted to who set it.
    unsafe {
        if let Some((policy, priority)) = kept.policy {
            sys::syscall3(nr(libc::SYS_sched_setscheduler), 0, policy as usize, &raw const priority as usize);
        }
        if let Some(nice) = kept.nice {
            sys::syscall3(nr(libc::SYS_setpriority), libc::PRIO_PROCESS as usize, 0, nice as usize);
        }
        hand_down(t);
    }
}

/// Whom a tid means.
enum Whom {
    /// The caller, or another that is bound: the kernel knows it by this id.
    Known(i32),
    /// One of ours that is not bound, with what is kept of it.
    Kept(u32, Kept),
    Nobody,
    Kernels,
}

fn whom(t: ThreadRef, tid: u32) -> Whom {
    let place = |o: ThreadRef| match o.home() {
        Some(home) => Whom::Known(home.ktid.load(Relaxed)),
        None => Whom::Kept(o.tid.get(), Kept::of(o)),
    };
    if tid == 0 || tid == t.tid.get() {
        return if t.home().is_some() { Whom::Known(0) } else { place(t) };
    }
    match tids::with(tid, place) {
        Some(w) => w,
        None if tids::is_ours(tid) => Whom::Nobody,
        None => Whom::Kernels,
    }
}

fn is_own(t: ThreadRef, tid: u32) -> bool {
    tid == 0 || tid == t.tid.get()
}

/// The program's call, for the OS thread `ktid` instead of whom argument `i` names.
fn call(t: ThreadRef, i: usize, ktid: i32) -> isize {
    let r = t.regs();
    let mut a = [r.rdi as usize, r.rsi as usize, r.rdx as usize, r.r10 as usize];
    a[i] = ktid as usize;
    // SAFETY: the call the program made, about an OS thread that stands for the one it means.
    unsafe { sys::syscall4(r.rax as usize, a[0], a[1], a[2], a[3]) }
}

fn put<T: user::Plain>(at: usize, value: &T) -> Step {
    match user::put(at, value) {
        Ok(()) => Step::Done(0),
        Err(f) => f.into(),
    }
}

/// A call that asks: `answer` gives what is kept, if it is.
fn ask(t: ThreadRef, i: usize, answer: impl FnOnce(Kept) -> Option<Step>) -> Step {
    match whom(t, t.arg(i) as u32) {
        Whom::Kernels => Step::Native,
        Whom::Nobody => err(libc::ESRCH),
        Whom::Known(ktid) => Step::Done(call(t, i, ktid)),
        Whom::Kept(_, kept) => answer(kept).unwrap_or_else(|| Step::Done(call(t, i, 0))),
    }
}

/// sched_getscheduler(2).
pub(crate) fn getscheduler(t: ThreadRef) -> Step {
    ask(t, 0, |k| k.policy.map(|p| Step::Done(p.0 as isize)))
}

/// sched_getparam(2).
pub(crate) fn getparam(t: ThreadRef) -> Step {
    if t.arg(1) == 0 {
        return err(libc::EINVAL);
    }
    ask(t, 0, |k| k.policy.map(|p| put(t.arg(1), &p.1)))
}

/// sched_rr_get_interval(2): of a thread that shares carriers, that of the carrier.
pub(crate) fn rr_get_interval(t: ThreadRef) -> Step {
    ask(t, 0, |_| None)
}

/// `struct sched_attr`, in its first form.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    deadline: [u64; 3],
}
// SAFETY: integers.
unsafe impl user::Plain for SchedAttr {}

/// sched_getattr(2).
pub(crate) fn getattr(t: ThreadRef) -> Step {
    ask(t, 0, |k| {
        if k.policy.is_none() && k.nice.is_none() {
            return None;
        }
        let r = call(t, 0, 0);
        if sys::is_err(r) {
            return Some(Step::Done(r));
        }
        Some(match user::get::<SchedAttr>(t.arg(1)) {
            Ok(mut a) => {
                (a.policy, a.priority) = k.policy.map_or((a.policy, a.priority), |p| (p.0 as u32, p.1 as u32));
                a.nice = k.nice.unwrap_or(a.nice);
                put(t.arg(1), &a)
            }
            Err(f) => f.into(),
        })
    })
}

/// getpriority(2): the kernel answers 20 less the nice value.
pub(crate) fn getpriority(t: ThreadRef) -> Step {
    if t.arg(0) != libc::PRIO_PROCESS as usize {
        return Step::Native;
    }
    ask(t, 1, |k| k.nice.map(|n| Step::Done(20 - n as isize)))
}

/// A call that sets: for the caller and for bound threads in the kernel; for others `keep` says what is kept.
fn set(t: ThreadRef, i: usize, keep: impl FnOnce(Kept) -> Result<Kept, Step>) -> Step {
    let tid = t.arg(i) as u32;
    if is_own(t, tid) {
        return match bound::stay_here(t) {
            Ok(()) => Step::Done(call(t, i, 0)),
            Err(s) => s,
        };
    }
    match whom(t, tid) {
        Whom::Kernels => Step::Native,
        Whom::Nobody => err(libc::ESRCH),
        Whom::Known(ktid) => Step::Done(call(t, i, ktid)),
        Whom::Kept(tid, kept) => match keep(kept) {
            Ok(kept) => tids::with(tid, |o| kept.store(o)).map_or(err(libc::ESRCH), |()| Step::Done(0)),
            Err(s) => s,
        },
    }
}

/// Whether the kernel would let the caller set this. What needs no right may not be undone (SCHED_IDLE), and is not tried.
fn permitted(policy: i32, priority: i32) -> Result<(), Step> {
    const RESET_ON_FORK: i32 = 0x4000_0000;
    const DEADLINE: i32 = 6;
    match policy & !RESET_ON_FORK {
        libc::SCHED_OTHER | libc::SCHED_BATCH | libc::SCHED_IDLE if priority == 0 => Ok(()),
        libc::SCHED_FIFO | libc::SCHED_RR if (1..100).contains(&priority) => {
            let zero = 0i32;
            // SAFETY: numbers, and structures of our own. The OS thread is back in its class at once.
            unsafe {
                let before = sys::syscall1(nr(libc::SYS_sched_getscheduler), 0);
                let mut param = 0i32;
                sys::syscall2(nr(libc::SYS_sched_getparam), 0, &raw mut param as usize);
                let at = &raw const priority as usize;
                let r = sys::syscall3(nr(libc::SYS_sched_setscheduler), 0, policy as usize, at);
                if sys::is_err(r) {
                    return Err(Step::Done(r));
                }
                let at = if param == 0 { &raw const zero } else { &raw const param };
                sys::syscall3(nr(libc::SYS_sched_setscheduler), 0, before as usize, at as usize);
            }
            Ok(())
        }
        DEADLINE => Err(err(libc::EPERM)),
        _ => Err(err(libc::EINVAL)),
    }
}

/// sched_setscheduler(2).
pub(crate) fn setscheduler(t: ThreadRef) -> Step {
    let policy = t.arg(1) as i32;
    if policy < 0 || t.arg(2) == 0 {
        return err(libc::EINVAL);
    }
    match user::get::<i32>(t.arg(2)) {
        Ok(priority) => set_policy(t, policy, priority),
        Err(f) => f.into(),
    }
}

/// sched_setparam(2).
pub(crate) fn setparam(t: ThreadRef) -> Step {
    if t.arg(1) == 0 {
        return err(libc::EINVAL);
    }
    let priority: i32 = match user::get(t.arg(1)) {
        Ok(p) => p,
        Err(f) => return f.into(),
    };
    let policy = match whom(t, t.arg(0) as u32) {
        Whom::Kept(_, Kept { policy: Some(p), .. }) => p.0,
        // SAFETY: asks for a number.
        _ => unsafe { sys::syscall1(nr(libc::SYS_sched_getscheduler), 0) as i32 },
    };
    set_policy(t, policy, priority)
}

fn set_policy(t: ThreadRef, policy: i32, priority: i32) -> Step {
    let is_as_it_is = || {
        let mut param = 0i32;
        // SAFETY: asks, into a variable of our own.
        let now = unsafe {
            sys::syscall2(nr(libc::SYS_sched_getparam), 0, &raw mut param as usize);
            sys::syscall1(nr(libc::SYS_sched_getscheduler), 0) as i32
        };
        (now, param) == (policy, priority)
    };
    if is_own(t, t.arg(0) as u32) && is_as_it_is() {
        return Step::Done(0);
    }
    set(t, 0, |kept| permitted(policy, priority).map(|()| Kept { policy: Some((policy & 0xff, priority)), ..kept }))
}

/// sched_setattr(2).
pub(crate) fn setattr(t: ThreadRef) -> Step {
    if t.arg(1) == 0 {
        return err(libc::EINVAL);
    }
    set(t, 0, |kept| {
        let a = user::get::<SchedAttr>(t.arg(1))?;
        permitted(a.policy as i32, a.priority as i32)?;
        permitted_nice(kept, a.nice)?;
        Ok(Kept { policy: Some((a.policy as i32, a.priority as i32)), nice: Some(a.nice.clamp(-20, 19)) })
    })
}

fn permitted_nice(kept: Kept, nice: i32) -> Result<(), Step> {
    let which = libc::PRIO_PROCESS as usize;
    // SAFETY: numbers. To become nicer again is always allowed.
    unsafe {
        let own = 20 - sys::syscall2(nr(libc::SYS_getpriority), which, 0) as i32;
        if nice >= kept.nice.unwrap_or(own) || nice >= own {
            return Ok(());
        }
        let r = sys::syscall3(nr(libc::SYS_setpriority), which, 0, nice as usize);
        if sys::is_err(r) {
            return Err(Step::Done(r));
        }
        sys::syscall3(nr(libc::SYS_setpriority), which, 0, own as usize);
    }
    Ok(())
}

/// setpriority(2).
pub(crate) fn setpriority(t: ThreadRef) -> Step {
    if t.arg(0) != libc::PRIO_PROCESS as usize {
        return Step::Native;
    }
    let nice = (t.arg(2) as i32).clamp(-20, 19);
    set(t, 1, |kept| permitted_nice(kept, nice).map(|()| Kept { nice: Some(nice), ..kept }))
}

/// sched_setaffinity(2) for a thread of ours: kept and reported. The carrier it happens to be on is not bound: others run
/// there, too.
pub(crate) fn setaffinity(t: ThreadRef) -> Step {
    let (tid, size, at) = (t.arg(0) as u32, t.arg(1), t.arg(2));
    match whom(t, tid) {
        Whom::Kernels => return Step::Native,
        Whom::Nobody => return err(libc::ESRCH),
        Whom::Known(ktid) => return Step::Done(call(t, 0, ktid)),
        Whom::Kept(..) if size < 8 => return Step::Done(call(t, 0, 0)),
        Whom::Kept(..) => {}
    }
    let wanted: u64 = match user::get(at) {
        Ok(m) => m,
        Err(f) => return f.into(),
    };
    let mut usable = [0u64; CPUS];
    // SAFETY: the kernel writes at most the given size.
    unsafe {
        let (len, at) = (size_of_val(&usable), usable.as_mut_ptr() as usize);
        sys::syscall3(nr(libc::SYS_sched_getaffinity), 0, len, at);
    }
    let mask = wanted & usable[0];
    if mask == 0 {
        return err(libc::EINVAL);
    }
    if is_own(t, tid) {
        t.affinity.set(mask);
    } else {
        tids::with(tid, |o| o.affinity.set(mask));
    }
    Step::Done(0)
}

/// sched_getaffinity(2): what was set, else what the process has.
pub(crate) fn getaffinity(t: ThreadRef) -> Step {
    let (tid, size, at) = (t.arg(0) as u32, t.arg(1), t.arg(2));
    let set = if is_own(t, tid) { Some(t.affinity.get()) } else { tids::with(tid, |o| o.affinity.get()) };
    match set {
        Some(mask) if mask != 0 && size >= 8 && t.home().is_none() => match user::put(at, &mask) {
            Ok(()) => Step::Done(8),
            Err(f) => f.into(),
        },
        _ => ask(t, 0, |_| None),
    }
}

/// The calling OS thread becomes, or is about to be replaced by, what inherits from `t`: the child of a fork, exec. Gives the
/// mask it had.
pub(crate) fn hand_down(t: ThreadRef) -> [u64; CPUS] {
    let (mask, mut before) = (t.affinity.get(), [0; CPUS]);
    if mask != 0 {
        // SAFETY: masks of our own.
        unsafe {
            sys::syscall3(nr(libc::SYS_sched_getaffinity), 0, size_of_val(&before), before.as_mut_ptr() as usize);
            sys::syscall3(nr(libc::SYS_sched_setaffinity), 0, 8, &raw const mask as usize);
        }
    }
    before
}

/// The exec has failed: the OS thread is again as the others.
pub(crate) fn take_back(before: [u64; CPUS]) {
    if before != [0; CPUS] {
        // SAFETY: a mask of our own.
        unsafe { sys::syscall3(nr(libc::SYS_sched_setaffinity), 0, size_of_val(&before), before.as_ptr() as usize) };
    }
}
