//! Waiting for any of a set of descriptors: what poll, select and epoll_wait have in common.
//!
//! The kernel says what is ready, by the call itself without a timeout: so results, and errors, are its own. Order: nodes
//! are linked first, then comes the look, then the park. What became ready before the nodes were linked is seen; what does
//! so later comes as an edge and wakes. `Fd::ready` plays no part, but as a hint that a first look is in vain.
//!
//! As in the kernel (fs/select.c, do_poll and do_select) there is always a look after a wake-up, whatever it was: a ready
//! descriptor counts more than a timeout or a signal.

use super::{Step, prepare, signal};
use crate::reactor::{self, Armed};
use crate::sched::helper::{self, Call};
use crate::sched::state::Wake;
use crate::sched::thread::ThreadRef;
use crate::sched::timer::NEVER;
use crate::sys::kernel::Timespec;
use crate::sys::{self, user};

/// A deadline that is always over: the call does not wait.
pub(super) const NO_WAIT: u64 = 0;

const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
const PRI: u32 = libc::EPOLLPRI as u32;
const RDHUP: u32 = libc::EPOLLRDHUP as u32;

/// What differs between the calls.
pub(super) trait Set {
    /// One look without waiting: the call's result, 0 when nothing is ready. `again`: not the first one; a descriptor that
    /// has been closed since does not count (the kernel would still have the file).
    fn look(&self, again: bool) -> isize;

    /// Links nodes for park `seq` of `t`. An error: the set cannot be waited for here.
    fn watch(&self, t: ThreadRef, seq: u64) -> Result<(), i32>;

    /// Whether nothing is known to be ready, so that a first look may be left out.
    fn is_drained(&self) -> bool {
        false
    }

    /// What the call answers when its time is over and nothing is ready.
    fn none(&self) -> isize {
        0
    }

    /// Whether a pending signal ends a call that does not wait (select and poll, not epoll_wait).
    fn signals_end_a_look(&self) -> bool {
        true
    }

    /// The same wait as a system call for a helper, `ms` milliseconds long (-1: without end), signal mask unchanged.
    fn as_call(&self, ms: isize) -> Call;
}

/// The wait, from its first step to its last. `deadline` counts at the first only.
pub(super) fn wait(t: ThreadRef, set: &impl Set, deadline: u64) -> Step {
    let woken = t.woken();
    if woken.is_none() {
        t.call.deadline.set(deadline);
        t.call.word.set(0);
    } else if t.call.word.get() != 0 {
        return helper::make(t, || set.as_call(left_ms(t)));
    } else {
        disarm(t);
    }
    let deadline = t.call.deadline.get();
    if woken.is_some() || deadline == NO_WAIT || !set.is_drained() {
        let r = set.look(woken.is_some());
        if r != 0 {
            return Step::Done(r);
        }
    }
    match woken {
        Some(Wake::Timeout) => return Step::Done(set.none()),
        Some(Wake::Signal) => return Step::Interrupted,
        _ if deadline != NO_WAIT => {}
        None if set.signals_end_a_look() && signal::deliverable(&t) => return Step::Interrupted,
        _ => return Step::Done(set.none()),
    }
    let seq = prepare(t, deadline, true);
    if set.watch(t, seq).is_err() {
        give_up(t);
        return helper::make(t, || set.as_call(left_ms(t)));
    }
    let r = set.look(woken.is_some());
    if r != 0 {
        give_up(t);
        return Step::Done(r);
    }
    Step::Park
}

fn disarm(t: ThreadRef) {
    reactor::disarm(&t.fd_wait);
    t.fd_waits.disarm();
}

fn give_up(t: ThreadRef) {
    t.waiter.state.cancel();
    disarm(t);
}

/// One more descriptor of a set; `alone`: there is only this one, and no memory is needed.
pub(super) fn watch_one(t: ThreadRef, fd: i32, events: u32, seq: u64, alone: bool) -> Result<(), i32> {
    if fd as usize >= reactor::room() {
        return Err(libc::ENOMEM);
    }
    let armed = if alone {
        reactor::watch(&t.fd_wait, fd, events, &t.waiter, seq)
    } else {
        t.fd_waits.watch(fd, events, &t.waiter, seq)
    };
    match armed {
        // Regular files (EPERM) never change; what was closed meanwhile (EBADF) is seen at the look that follows.
        Armed::Waiting | Armed::Ready | Armed::Unpollable(libc::EPERM | libc::EBADF) => Ok(()),
        Armed::Unpollable(e) => Err(e),
    }
}

/// The edges that may change what poll(2) says of `events` (ERR and HUP always do).
pub(super) fn edges(events: i16) -> u32 {
    let has = |bits: i16| events & bits != 0;
    let mut e = 0;
    if has(libc::POLLIN | libc::POLLRDNORM | libc::POLLRDBAND) {
        e |= IN;
    }
    if has(libc::POLLOUT | libc::POLLWRNORM | libc::POLLWRBAND) {
        e |= OUT;
    }
    if has(libc::POLLPRI | libc::POLLRDBAND) {
        e |= PRI;
    }
    if has(libc::POLLRDHUP) {
        e |= RDHUP;
    }
    e
}

/// The kernel found events ready, which the edge that is on its way may not have told yet: the next read or write tries.
pub(super) fn found_ready(fd: i32, events: u32) {
    if let Some(e) = reactor::entry(fd) {
        e.still_ready(events & (IN | OUT | PRI));
    }
}

/// A relative timeout in milliseconds, negative: none, as a deadline.
pub(super) fn deadline_ms(ms: i32) -> u64 {
    match ms {
        0 => NO_WAIT,
        1.. => super::after(ms as u64 * 1_000_000),
        _ => NEVER,
    }
}

/// A relative timeout in nanoseconds as a deadline.
pub(super) fn deadline_ns(ns: u64) -> u64 {
    if ns == 0 { NO_WAIT } else { super::after(ns) }
}

/// The deadline that the timespec at `at` means; none there: never.
pub(super) fn deadline_at(at: usize) -> Result<u64, Step> {
    if at == 0 {
        return Ok(NEVER);
    }
    Ok(deadline_ns(user::get::<Timespec>(at)?.nanos().ok_or(super::err(libc::EINVAL))?))
}

/// Nanoseconds until the running call's deadline.
pub(super) fn left(t: ThreadRef) -> u64 {
    t.call.deadline.get().saturating_sub(sys::monotonic())
}

fn left_ms(t: ThreadRef) -> isize {
    match t.call.deadline.get() {
        NEVER => -1,
        _ => left(t).div_ceil(1_000_000).min(i32::MAX as u64) as isize,
    }
}

/// The signal mask of a call that has one (fs/select.c; kernel/signal.c, set_user_sigmask). It is put back by the hub.
pub(super) fn set_mask(t: ThreadRef, at: usize, size: usize) -> Result<(), Step> {
    if at == 0 {
        return Ok(());
    }
    if size != size_of::<u64>() {
        return Err(super::err(libc::EINVAL));
    }
    signal::mask_for_call(t, user::get::<u64>(at)?);
    Ok(())
}

/// What poll_select_finish of fs/select.c does with a timespec: what is left of it, unless it was zero; a fault is ignored.
pub(super) fn write_left(t: ThreadRef, at: usize, step: Step) -> Step {
    if at != 0 && matches!(step, Step::Done(_) | Step::Interrupted) && t.call.deadline.get() != NO_WAIT {
        let _ = user::put(at, &Timespec::from_nanos(left(t)));
    }
    step
}
