//! Sleeping and giving way.

use super::{Step, after, err, park_until};
use crate::sched::os_thread::OsThread;
use crate::sched::state::Wake;
use crate::sched::thread::ThreadRef;
use crate::sched::{idle, tids, timer};
use crate::sys::kernel::Timespec;
use crate::sys::{self, user};
use core::sync::atomic::Ordering::*;

/// nanosleep(2): relative, on the monotonic clock.
pub(crate) fn nanosleep(t: ThreadRef) -> Step {
    sleep(t, libc::CLOCK_MONOTONIC, false, t.arg(0), t.arg(1))
}

/// clock_nanosleep(2).
pub(crate) fn clock_nanosleep(t: ThreadRef) -> Step {
    let (clock, flags) = (t.arg(0) as i32, t.arg(1) as i32);
    match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC | libc::CLOCK_BOOTTIME | libc::CLOCK_TAI => {
            sleep(t, clock, flags & libc::TIMER_ABSTIME != 0, t.arg(2), t.arg(3))
        }
        // The process's CPU clock runs only while somebody computes; alarms need a capability: the kernel's business.
        _ => super::cpu_time::sleep(t).unwrap_or(Step::Native),
    }
}

fn sleep(t: ThreadRef, clock: i32, absolute: bool, request: usize, remaining: usize) -> Step {
    match t.woken() {
        None => {
            let ns = match user::get::<Timespec>(request).map(Timespec::nanos) {
                Ok(Some(ns)) => ns,
                Ok(None) => return err(libc::EINVAL),
                Err(f) => return f.into(),
            };
            let deadline = if absolute { to_monotonic(clock, ns) } else { after(ns) };
            if tids::live() == 1 {
                return Step::Native;
            }
            park_until(t, deadline)
        }
        Some(Wake::Timeout) => Step::Done(0),
        Some(Wake::Event | Wake::Retry) => park_until(t, t.call.deadline.get()),
        Some(Wake::Signal) => {
            if !absolute && remaining != 0 {
                let left = t.call.deadline.get().saturating_sub(sys::monotonic());
                if let Err(f) = user::put(remaining, &Timespec::from_nanos(left)) {
                    return f.into();
                }
            }
            Step::Interrupted
        }
    }
}

/// A point of another clock on the monotonic one, as far as can be said now.
pub(crate) fn to_monotonic(clock: i32, at: u64) -> u64 {
    if clock == libc::CLOCK_MONOTONIC {
        return at.clamp(1, timer::NEVER - 1);
    }
    after(at.saturating_sub(sys::vdso::now(clock)))
}

/// sched_yield(2): everyone who is ready goes first.
pub(crate) fn sched_yield(t: ThreadRef) -> Step {
    timer::expire();
    if !own_queue_has_work(t) {
        idle::glance();
    }
    if own_queue_has_work(t) { Step::Yield } else { Step::Done(0) }
}

fn own_queue_has_work(t: ThreadRef) -> bool {
    let os: &OsThread = t.os();
    // SAFETY: carriers are static.
    unsafe { os.carrier.load(Relaxed).as_ref() }.is_some_and(|c| c.len() > 0)
}
