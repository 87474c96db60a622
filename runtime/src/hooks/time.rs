//! sleep(3), usleep(3), nanosleep(2), clock_nanosleep(2), thrd_sleep(3); sched_yield(2).
//!
//! A clock that is not the monotonic one is waited for by timerfd, which follows it when it is set.

use super::real;
use super::types::*;
use super::wait::IN;
use crate::sys::{self, nr};
use crate::task::{self, OnSignal, Scheduler, Wake, sleep_until};
use std::time::Duration;

/// A time of the program's; `None` if it is none (EINVAL).
pub(super) fn duration(t: &timespec) -> Option<Duration> {
    let ns = u32::try_from(t.tv_nsec).ok().filter(|ns| *ns < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(t.tv_sec).ok()?, ns))
}

/// Sleeps; how it ended before its time, and what is left.
fn rest(s: &Scheduler, d: Duration) -> Option<(c_int, Duration)> {
    let deadline = task::after(d);
    let errno = sleep_until(s, deadline, OnSignal::End).err()?;
    Some((errno, Duration::from_nanos(deadline.saturating_sub(sys::monotonic()))))
}

/// Writes what is left, if the caller wants to know.
unsafe fn put(left: *mut timespec, d: Duration) {
    if !left.is_null() {
        // SAFETY: the caller's.
        unsafe { *left = timespec { tv_sec: d.as_secs() as i64, tv_nsec: d.subsec_nanos() as i64 } };
    }
}

pub(super) unsafe fn sleep(s: &Scheduler, seconds: c_uint) -> c_uint {
    // Rounded down, as glibc does (sysdeps/posix/sleep.c).
    rest(s, Duration::from_secs(seconds.into())).map_or(0, |(_, left)| left.as_secs() as c_uint)
}

pub(super) unsafe fn usleep(s: &Scheduler, us: c_uint) -> c_int {
    match rest(s, Duration::from_micros(us.into())) {
        None => 0,
        Some((errno, _)) => {
            task::set_errno(errno);
            -1
        }
    }
}

pub(super) unsafe fn nanosleep(s: &Scheduler, t: *const timespec, left: *mut timespec) -> c_int {
    // SAFETY: the caller's time, or null.
    let Some(d) = unsafe { t.as_ref() }.and_then(duration) else {
        // SAFETY: the caller's arguments, which libc refuses.
        return unsafe { real::nanosleep(t, left) };
    };
    match rest(s, d) {
        None => 0,
        Some((errno, remaining)) => {
            // SAFETY: the caller's.
            unsafe { put(left, remaining) };
            task::set_errno(errno);
            -1
        }
    }
}

pub(super) unsafe fn clock_nanosleep(
    s: &Scheduler,
    clock: clockid_t,
    flags: c_int,
    t: *const timespec,
    left: *mut timespec,
) -> c_int {
    // SAFETY: the caller's arguments.
    let block = || unsafe { real::clock_nanosleep(clock, flags, t, left) };
    let absolute = flags & libc::TIMER_ABSTIME != 0;
    // SAFETY: the caller's time, or null.
    let Some(d) = unsafe { t.as_ref() }.and_then(duration) else {
        return block();
    };
    match clock {
        libc::CLOCK_MONOTONIC if absolute => {
            let deadline = u64::try_from(d.as_nanos()).unwrap_or(u64::MAX).min(task::NEVER - 1);
            sleep_until(s, deadline, OnSignal::End).err().unwrap_or(0)
        }
        libc::CLOCK_REALTIME | libc::CLOCK_BOOTTIME if absolute => by_timer(s, clock, d).unwrap_or_else(block),
        // A relative wait counts the same seconds by either clock (clock_nanosleep(2)).
        libc::CLOCK_MONOTONIC | libc::CLOCK_REALTIME if !absolute => match rest(s, d) {
            None => 0,
            Some((errno, remaining)) => {
                // SAFETY: the caller's.
                unsafe { put(left, remaining) };
                errno
            }
        },
        _ => block(),
    }
}

/// Waits until a clock shows a time. `None`: the kernel gives no timer.
fn by_timer(s: &Scheduler, clock: clockid_t, at: Duration) -> Option<c_int> {
    struct Timer(usize);
    impl Drop for Timer {
        fn drop(&mut self) {
            // SAFETY: our own descriptor.
            unsafe { sys::syscall1(nr(libc::SYS_close), self.0) };
        }
    }
    if at.is_zero() {
        return Some(0);
    }
    // SAFETY: no pointers.
    let fd = unsafe {
        sys::syscall2(nr(libc::SYS_timerfd_create), clock as usize, (libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) as usize)
    };
    if sys::is_err(fd) {
        return None;
    }
    let timer = Timer(fd as usize);
    let once = timespec { tv_sec: 0, tv_nsec: 0 };
    let at = timespec { tv_sec: at.as_secs().min(i64::MAX as u64) as i64, tv_nsec: at.subsec_nanos() as i64 };
    let setting = libc::itimerspec { it_interval: once, it_value: at };
    // SAFETY: a setting to read.
    let r = unsafe {
        let setting = &raw const setting as usize;
        sys::syscall4(nr(libc::SYS_timerfd_settime), timer.0, libc::TFD_TIMER_ABSTIME as usize, setting, 0)
    };
    if sys::is_err(r) {
        return None;
    }
    loop {
        if super::wait::is_ready(timer.0 as c_int, IN) {
            return Some(0);
        }
        let woken = s.wait_for(&[(timer.0 as c_int, IN)], task::NEVER, OnSignal::End)?;
        if matches!(woken, Wake::Signal | Wake::Kill | Wake::Expired) {
            return Some(woken.errno());
        }
    }
}

pub(super) unsafe fn thrd_sleep(s: &Scheduler, t: *const timespec, left: *mut timespec) -> c_int {
    // glibc's thrd_sleep: 0, -1 when interrupted, another negative number for any other error; errno stays.
    let before = task::errno();
    // SAFETY: the caller's arguments.
    let e = unsafe { clock_nanosleep(s, libc::CLOCK_REALTIME, 0, t, left) };
    task::set_errno(before);
    match e {
        0 => 0,
        libc::EINTR => -1,
        _ => -2,
    }
}

pub(super) unsafe fn sched_yield(s: &Scheduler) -> c_int {
    s.yield_now();
    0
}

pub(super) unsafe fn thrd_yield(s: &Scheduler) {
    s.yield_now();
}
