//! What asks for the CPU time of a thread: clock_gettime(2) and its kin on thread clocks, getrusage(2), timers on them.
//!
//! A clock id is `~pid << 3 | 4 for a thread | kind` (include/linux/posix-timers_types.h); with pid 0 it is the caller's.
//! All others, the process's CPU clock among them, are the kernel's. libc asks by the vDSO, whose own way to the kernel the
//! gate has patched.

use super::{Step, after, err, park_until};
use crate::sched::state::Wake;
use crate::sched::thread::ThreadRef;
use crate::sched::{bound, cpu_clock, tids};
use crate::sys::kernel::Timespec;
use crate::sys::{self, nr, user};
use core::mem::MaybeUninit;

/// Whose clock an id means.
enum Whose {
    Own,
    Another(u32),
    /// Of a thread of ours that is gone or never was.
    Nobodys,
    /// The kernel's business.
    Kernels,
}

fn whose(t: ThreadRef, clock: i32) -> Whose {
    const PER_THREAD: i32 = 4;
    const KIND: i32 = 3;
    if clock == libc::CLOCK_THREAD_CPUTIME_ID {
        return Whose::Own;
    }
    if clock >= 0 || clock & KIND == KIND {
        return Whose::Kernels;
    }
    let tid = !(clock >> 3) as u32;
    if clock & PER_THREAD == 0 {
        // A process's clock is that of the process with this id.
        return if tids::is_ours(tid) { Whose::Nobodys } else { Whose::Kernels };
    }
    if tid == 0 || tid == t.tid.get() {
        return Whose::Own;
    }
    match tids::with(tid, |_| ()) {
        Some(()) => Whose::Another(tid),
        None if tids::is_ours(tid) => Whose::Nobodys,
        None => Whose::Kernels,
    }
}

fn read(t: ThreadRef, tid: u32) -> Option<u64> {
    if tid == t.tid.get() { Some(cpu_clock::own(t)) } else { tids::with(tid, cpu_clock::of) }
}

/// clock_gettime(2).
pub(crate) fn clock_gettime(t: ThreadRef) -> Step {
    let tid = match whose(t, t.arg(0) as i32) {
        Whose::Kernels => return Step::Native,
        Whose::Own => t.tid.get(),
        Whose::Another(tid) => tid,
        Whose::Nobodys => return err(libc::EINVAL),
    };
    let Some(ns) = read(t, tid) else { return err(libc::EINVAL) };
    match user::put(t.arg(1), &Timespec::from_nanos(ns)) {
        Ok(()) => Step::Done(0),
        Err(f) => f.into(),
    }
}

/// clock_getres(2): a nanosecond.
pub(crate) fn clock_getres(t: ThreadRef) -> Step {
    match whose(t, t.arg(0) as i32) {
        Whose::Kernels => Step::Native,
        Whose::Nobodys => err(libc::EINVAL),
        Whose::Own | Whose::Another(_) if t.arg(1) == 0 => Step::Done(0),
        Whose::Own | Whose::Another(_) => match user::put(t.arg(1), &Timespec::from_nanos(1)) {
            Ok(()) => Step::Done(0),
            Err(f) => f.into(),
        },
    }
}

/// clock_settime(2): nobody may set a CPU clock (kernel/time/posix-cpu-timers.c, posix_cpu_clock_set).
pub(crate) fn clock_settime(t: ThreadRef) -> Step {
    match whose(t, t.arg(0) as i32) {
        Whose::Another(_) => match user::get::<Timespec>(t.arg(1)) {
            Ok(time) if time.nanos().is_some() => err(libc::EPERM),
            Ok(_) => err(libc::EINVAL),
            Err(f) => f.into(),
        },
        _ => Step::Native,
    }
}

/// clock_nanosleep(2) on a CPU clock. `None`: not on one of a thread of ours.
pub(crate) fn sleep(t: ThreadRef) -> Option<Step> {
    let (clock, absolute) = (t.arg(0) as i32, t.arg(1) as i32 & libc::TIMER_ABSTIME != 0);
    if clock >= 0 {
        return None;
    }
    let tid = match whose(t, clock) {
        Whose::Kernels => return None,
        // Whoever sleeps does not compute.
        Whose::Own | Whose::Nobodys => return Some(err(libc::EINVAL)),
        Whose::Another(tid) => tid,
    };
    let now = read(t, tid);
    // `CallState::word` is the point on the thread's clock.
    match t.woken() {
        None => match user::get::<Timespec>(t.arg(2)).map(Timespec::nanos) {
            Ok(Some(ns)) => t.call.word.set(if absolute { ns } else { now.unwrap_or(0).saturating_add(ns) }),
            Ok(None) => return Some(err(libc::EINVAL)),
            Err(f) => return Some(f.into()),
        },
        Some(Wake::Signal) => {
            let left = t.call.word.get().saturating_sub(now.unwrap_or(0));
            if !absolute
                && t.arg(3) != 0
                && let Err(f) = user::put(t.arg(3), &Timespec::from_nanos(left))
            {
                return Some(f.into());
            }
            return Some(Step::Interrupted);
        }
        Some(_) => {}
    }
    Some(match now {
        Some(now) if now >= t.call.word.get() => Step::Done(0),
        // The clock runs no faster than time does. A thread that has ended never comes so far.
        Some(now) => park_until(t, after((t.call.word.get() - now).max(1_000_000))),
        None => park_until(t, super::NEVER),
    })
}

/// getrusage(2): of the thread, its CPU time. The rest, and how user and system time divide it, is the carrier's.
pub(crate) fn getrusage(t: ThreadRef) -> Step {
    if t.arg(0) as i32 != libc::RUSAGE_THREAD {
        return Step::Native;
    }
    let Ok(usage) = usage(t) else { return Step::Native };
    match user::put(t.arg(1), &usage) {
        Ok(()) => Step::Done(0),
        Err(f) => f.into(),
    }
}

#[repr(transparent)]
#[derive(Clone, Copy)]
struct Usage(libc::rusage);
// SAFETY: integers.
unsafe impl user::Plain for Usage {}

fn usage(t: ThreadRef) -> Result<Usage, isize> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    let (who, at) = (libc::RUSAGE_THREAD as usize, usage.as_mut_ptr() as usize);
    // SAFETY: the kernel fills the structure; all-zero is valid.
    let (r, mut usage) = unsafe { (sys::syscall2(nr(libc::SYS_getrusage), who, at), usage.assume_init()) };
    if sys::is_err(r) {
        return Err(r);
    }
    let us = |t: libc::timeval| t.tv_sec as u64 * 1_000_000 + t.tv_usec as u64;
    let (user, system) = (us(usage.ru_utime), us(usage.ru_stime));
    let total = cpu_clock::own(t) / 1000;
    let system = (total as u128 * system as u128 / (user + system).max(1) as u128) as u64;
    let time = |us: u64| libc::timeval { tv_sec: (us / 1_000_000) as i64, tv_usec: (us % 1_000_000) as i64 };
    usage.ru_utime = time(total - system);
    usage.ru_stime = time(system);
    Ok(Usage(usage))
}

/// The clock to give to timer_create(2). A thread's own CPU clock is that of an OS thread, to which it is bound. The clock of
/// another thread has no timers.
pub(crate) fn of_timer(t: ThreadRef) -> Result<i32, Step> {
    let clock = t.arg(0) as i32;
    match whose(t, clock) {
        Whose::Kernels => Ok(clock),
        Whose::Own => bound::stay_here(t).map(|()| libc::CLOCK_THREAD_CPUTIME_ID),
        Whose::Another(_) => Err(err(libc::ENOTSUP)),
        Whose::Nobodys => Err(err(libc::EINVAL)),
    }
}
