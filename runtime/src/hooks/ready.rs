//! poll(2), select(2), epoll_wait(2) and their kin.
//!
//! The try is the call itself with no time to wait. What it would have waited for is then waited for here: each descriptor
//! of the set, or the epoll descriptor, which can be polled itself.

use super::real;
use super::transfer::check;
use super::types::*;
use super::wait::{IN, OUT};
use crate::sys;
use crate::task::{self, NEVER, OnSignal, Scheduler, Wake};
use core::ptr::null;
use std::time::Duration;

/// The end of a wait, or nothing: try again.
enum End {
    Timeout,
    /// With this errno.
    Failed(c_int),
    /// The kernel has no room: the thread must wait.
    Block,
}

/// Tries (`attempt` answers like the call, 0: nothing yet) and waits by turns. `Err`: how the wait ended instead.
fn wait(
    s: &Scheduler,
    wanted: &[(c_int, u32)],
    deadline: u64,
    mask: *const sigset_t,
    attempt: impl Fn() -> c_int,
) -> Result<c_int, End> {
    // SAFETY: the caller's mask, or null.
    let mask = unsafe { mask.as_ref() }.copied();
    loop {
        let r = attempt();
        if r != 0 {
            return Ok(r);
        }
        if deadline == 0 {
            return Err(End::Timeout);
        }
        match s.with_mask(mask, || s.wait_for(wanted, deadline, OnSignal::End)) {
            None => return Err(End::Block),
            Some(woken @ (Wake::Signal | Wake::Kill | Wake::Expired)) => return Err(End::Failed(woken.errno())),
            Some(Wake::Timeout) => {
                let r = attempt();
                return if r != 0 { Ok(r) } else { Err(End::Timeout) };
            }
            Some(_) => {}
        }
    }
}

fn failed(errno: c_int) -> c_int {
    task::set_errno(errno);
    -1
}

/// A time-out in milliseconds as a deadline: 0 for no wait at all.
fn milliseconds(ms: c_int) -> u64 {
    match ms {
        0 => 0,
        1.. => task::after(Duration::from_millis(ms as u64)),
        _ => NEVER,
    }
}

/// A time-out as a deadline; `None` if it is not a time, which libc shall say.
unsafe fn time(t: *const timespec) -> Option<u64> {
    // SAFETY: the caller's time, or null.
    let Some(t) = (unsafe { t.as_ref() }) else {
        return Some(NEVER);
    };
    super::time::duration(t).map(|d| if d.is_zero() { 0 } else { task::after(d) })
}

unsafe fn poll_until(
    s: &Scheduler,
    fds: *mut pollfd,
    count: nfds_t,
    deadline: u64,
    mask: *const sigset_t,
    block: impl FnOnce() -> c_int,
) -> c_int {
    if deadline == 0 || (fds.is_null() && count > 0) {
        return block();
    }
    let set: &[pollfd] = if count == 0 {
        &[]
    } else {
        // SAFETY: the caller's array.
        unsafe { core::slice::from_raw_parts(fds, count as usize) }
    };
    let wanted: Vec<_> = set.iter().filter(|p| p.fd >= 0).map(|p| (p.fd, p.events as u16 as u32)).collect();
    // SAFETY: the caller's array.
    let attempt = || unsafe { real::poll(fds, count, 0) };
    match wait(s, &wanted, deadline, mask, attempt) {
        Ok(r) => r,
        Err(End::Timeout) => 0,
        Err(End::Failed(errno)) => failed(errno),
        Err(End::Block) => block(),
    }
}

pub(super) unsafe fn poll(s: &Scheduler, fds: *mut pollfd, count: nfds_t, ms: c_int) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe { poll_until(s, fds, count, milliseconds(ms), null(), || real::poll(fds, count, ms)) }
}

pub(super) unsafe fn poll_chk(s: &Scheduler, fds: *mut pollfd, count: nfds_t, ms: c_int, room: size_t) -> c_int {
    check((count as usize).saturating_mul(size_of::<pollfd>()), room);
    // SAFETY: the caller's arguments.
    unsafe { poll(s, fds, count, ms) }
}

pub(super) unsafe fn ppoll(
    s: &Scheduler,
    fds: *mut pollfd,
    count: nfds_t,
    t: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller's arguments.
    let block = || unsafe { real::ppoll(fds, count, t, mask) };
    // SAFETY: the caller's arguments.
    unsafe {
        match time(t) {
            Some(deadline) => poll_until(s, fds, count, deadline, mask, block),
            None => block(),
        }
    }
}

pub(super) unsafe fn ppoll_chk(
    s: &Scheduler,
    fds: *mut pollfd,
    count: nfds_t,
    t: *const timespec,
    mask: *const sigset_t,
    room: size_t,
) -> c_int {
    check((count as usize).saturating_mul(size_of::<pollfd>()), room);
    // SAFETY: the caller's arguments.
    unsafe { ppoll(s, fds, count, t, mask) }
}

/// A set of select's, as long as the program made it: it may be longer than FD_SETSIZE.
struct Set {
    at: *mut fd_set,
    before: Vec<u64>,
}

impl Set {
    unsafe fn new(at: *mut fd_set, count: c_int) -> Set {
        let words = if at.is_null() { 0 } else { (count as usize).div_ceil(64) };
        // SAFETY: select(2): the set has room for `count` bits, in words of 64 (`fd_mask`).
        let before = (0..words).map(|i| unsafe { *at.cast::<u64>().add(i) }).collect();
        Set { at, before }
    }

    fn fds(&self, count: c_int) -> impl Iterator<Item = c_int> {
        (0..count).filter(|fd| self.before.get(*fd as usize / 64).is_some_and(|w| w >> (fd % 64) & 1 != 0))
    }

    /// Makes the program's set what it was, or empty.
    unsafe fn set(&self, empty: bool) {
        for (i, w) in self.before.iter().enumerate() {
            // SAFETY: as in `new`.
            unsafe { *self.at.cast::<u64>().add(i) = if empty { 0 } else { *w } };
        }
    }
}

/// The sets of one call.
struct Sets {
    count: c_int,
    sets: [Set; 3],
}

impl Sets {
    unsafe fn until(
        &self,
        s: &Scheduler,
        deadline: u64,
        mask: *const sigset_t,
        block: impl FnOnce() -> c_int,
    ) -> c_int {
        // What select means by ready to read, to write, and exceptional (fs/select.c: POLLIN_SET and so on).
        let events = [IN | libc::EPOLLRDHUP as u32, OUT, libc::EPOLLPRI as u32];
        let mut wanted: Vec<(c_int, u32)> = Vec::new();
        for (set, events) in self.sets.iter().zip(events) {
            for fd in set.fds(self.count) {
                match wanted.iter_mut().find(|w| w.0 == fd) {
                    Some(w) => w.1 |= events,
                    None => wanted.push((fd, events)),
                }
            }
        }
        let [r, w, e] = [0, 1, 2].map(|i| self.sets[i].at);
        // SAFETY: the caller's sets, which a try overwrites; so they are made what they were first.
        let attempt = || unsafe {
            self.sets.iter().for_each(|set| set.set(false));
            real::select(self.count, r, w, e, &mut timeval { tv_sec: 0, tv_usec: 0 })
        };
        let end = wait(s, &wanted, deadline, mask, attempt);
        // SAFETY: the caller's sets.
        unsafe {
            match end {
                Ok(r) => r,
                Err(End::Timeout) => {
                    self.sets.iter().for_each(|set| set.set(true));
                    0
                }
                Err(End::Failed(errno)) => {
                    self.sets.iter().for_each(|set| set.set(false));
                    failed(errno)
                }
                Err(End::Block) => {
                    self.sets.iter().for_each(|set| set.set(false));
                    block()
                }
            }
        }
    }
}

unsafe fn sets(count: c_int, r: *mut fd_set, w: *mut fd_set, e: *mut fd_set) -> Sets {
    // SAFETY: the caller's sets.
    Sets {
        count,
        // SAFETY: the caller's sets.
        sets: [r, w, e].map(|set| unsafe { Set::new(set, count) }),
    }
}

pub(super) unsafe fn select(
    s: &Scheduler,
    count: c_int,
    r: *mut fd_set,
    w: *mut fd_set,
    e: *mut fd_set,
    t: *mut timeval,
) -> c_int {
    // SAFETY: the caller's arguments.
    let block = || unsafe { real::select(count, r, w, e, t) };
    // SAFETY: the caller's time, or null.
    let limit = unsafe { t.as_ref() };
    let deadline = match limit {
        None => NEVER,
        Some(t) if t.tv_sec < 0 || t.tv_usec < 0 || (t.tv_sec == 0 && t.tv_usec == 0) => {
            return block();
        }
        Some(t) => task::after(Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64)),
    };
    if count < 0 {
        return block();
    }
    // SAFETY: the caller's arguments.
    let answer = unsafe { sets(count, r, w, e).until(s, deadline, null(), block) };
    if !t.is_null() {
        // Linux leaves what was not slept (select(2)).
        let left = deadline.saturating_sub(sys::monotonic());
        // SAFETY: the caller's time.
        unsafe {
            *t = timeval { tv_sec: (left / 1_000_000_000) as i64, tv_usec: (left % 1_000_000_000 / 1000) as i64 }
        };
    }
    answer
}

pub(super) unsafe fn pselect(
    s: &Scheduler,
    count: c_int,
    r: *mut fd_set,
    w: *mut fd_set,
    e: *mut fd_set,
    t: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller's arguments.
    let block = || unsafe { real::pselect(count, r, w, e, t, mask) };
    // SAFETY: the caller's arguments.
    unsafe {
        match time(t) {
            Some(deadline) if deadline != 0 && count >= 0 => sets(count, r, w, e).until(s, deadline, mask, block),
            _ => block(),
        }
    }
}

unsafe fn epoll_until(
    s: &Scheduler,
    fd: c_int,
    events: *mut epoll_event,
    most: c_int,
    deadline: u64,
    mask: *const sigset_t,
    block: impl FnOnce() -> c_int,
) -> c_int {
    if deadline == 0 {
        return block();
    }
    // SAFETY: the caller's array; no mask.
    let attempt = || unsafe { real::epoll_pwait(fd, events, most, 0, null()) };
    match wait(s, &[(fd, IN)], deadline, mask, attempt) {
        Ok(r) => r,
        Err(End::Timeout) => 0,
        Err(End::Failed(errno)) => failed(errno),
        Err(End::Block) => block(),
    }
}

pub(super) unsafe fn epoll_wait(s: &Scheduler, fd: c_int, events: *mut epoll_event, most: c_int, ms: c_int) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe { epoll_until(s, fd, events, most, milliseconds(ms), null(), || real::epoll_wait(fd, events, most, ms)) }
}

pub(super) unsafe fn epoll_pwait(
    s: &Scheduler,
    fd: c_int,
    events: *mut epoll_event,
    most: c_int,
    ms: c_int,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe {
        epoll_until(s, fd, events, most, milliseconds(ms), mask, || real::epoll_pwait(fd, events, most, ms, mask))
    }
}

pub(super) unsafe fn epoll_pwait2(
    s: &Scheduler,
    fd: c_int,
    events: *mut epoll_event,
    most: c_int,
    t: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller's arguments.
    let block = || unsafe { real::epoll_pwait2(fd, events, most, t, mask) };
    // SAFETY: the caller's arguments.
    unsafe {
        match time(t) {
            Some(deadline) => epoll_until(s, fd, events, most, deadline, mask, block),
            None => block(),
        }
    }
}
