//! What a carrier does when it has nothing to run.
//!
//! Rule (DESIGN, invariant 11): while any carrier is idle, exactly one idle carrier is in the poll, until the earliest
//! deadline; the others sleep on a futex. Whoever leaves the poll wakes a sleeper first, which takes its place. Who makes
//! work for others wakes a sleeper, or, when none sleeps, kicks the poller through an eventfd that only the poller reads.
//!
//! Both sides use the same order, so that no wake-up is lost: the idle one says that it is going to sleep, then looks at
//! the queues once more; the other one queues, then looks who sleeps (both sequentially consistent).

use super::carrier;
use super::os_thread::OsThread;
use super::timer;
use crate::reactor;
use crate::sys::{self, nr, spin::Spin};
use core::ptr::null;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*, fence};

struct Sleepers(*const OsThread);
// SAFETY: OS thread records stay; followed under the lock only.
unsafe impl Send for Sleepers {}

static SLEEPERS: Spin<Sleepers> = Spin::new(Sleepers(null()));
static SLEEPING: AtomicUsize = AtomicUsize::new(0);
/// Somebody is in the poll, or about to be.
static POLLING: AtomicBool = AtomicBool::new(false);
/// Until when it stays there.
static POLLING_UNTIL: AtomicU64 = AtomicU64::new(0);

/// Work was queued that whoever queued it may not get to soon: wakes one idle carrier, if there is one.
pub(crate) fn notify() {
    fence(SeqCst);
    if !wake_sleeper() && POLLING.load(SeqCst) {
        reactor::kick();
    }
}

/// A deadline became the earliest one: a poller that would sleep longer looks again.
pub(crate) fn deadline_moved(at: u64) {
    if POLLING.load(SeqCst) && at < POLLING_UNTIL.load(SeqCst) {
        reactor::kick();
    }
}

/// Whether a carrier could take work right now.
pub(crate) fn anyone() -> bool {
    SLEEPING.load(Relaxed) > 0 || POLLING.load(Relaxed)
}

/// Whether nobody watches the descriptors: a busy carrier should have a look now and then.
pub(crate) fn nobody_polls() -> bool {
    !POLLING.load(Relaxed)
}

fn wake_sleeper() -> bool {
    if SLEEPING.load(SeqCst) == 0 {
        return false;
    }
    let os = {
        let mut s = SLEEPERS.lock();
        // SAFETY: as for `Sleepers`.
        let Some(os) = (unsafe { s.0.as_ref() }) else { return false };
        s.0 = os.next_sleeper.get();
        os.listed.set(false);
        SLEEPING.fetch_sub(1, SeqCst);
        os
    };
    rouse(os);
    true
}

/// Ends an OS thread's futex sleep, now or the one it is about to begin.
pub(crate) fn rouse(os: &OsThread) {
    os.wake.store(1, SeqCst);
    let op = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize;
    // SAFETY: a futex wake on a word of ours.
    unsafe { sys::syscall3(nr(libc::SYS_futex), os.wake.as_ptr() as usize, op, 1) };
}

/// Waits until there may be something to do.
pub(crate) fn wait(os: &OsThread) {
    timer::expire();
    if carrier::any_work() {
        return;
    }
    if POLLING.compare_exchange(false, true, SeqCst, Relaxed).is_ok() {
        poll(os);
    } else {
        sleep(os);
    }
}

fn poll(os: &OsThread) {
    let mut until;
    loop {
        until = timer::next();
        POLLING_UNTIL.store(until, SeqCst);
        if timer::next() >= until {
            break;
        }
    }
    if !carrier::any_work() && !crate::abi::signal::process_pending() {
        poll_until(os, until);
    }
    POLLING.store(false, SeqCst);
    timer::expire();
    // What came from the poll is in our own queue. A sleeper takes the poller's place before we are busy with it.
    if carrier::any_work() {
        wake_sleeper();
    }
}

fn poll_until(os: &OsThread, until: u64) {
    super::os_thread::count(&os.counters.polls);
    reactor::poll(if until == timer::NEVER { None } else { Some(until.saturating_sub(sys::monotonic())) });
}

fn sleep(os: &OsThread) {
    {
        let mut s = SLEEPERS.lock();
        os.wake.store(0, SeqCst);
        os.next_sleeper.set(s.0);
        os.listed.set(true);
        s.0 = os;
        SLEEPING.fetch_add(1, SeqCst);
    }
    fence(SeqCst);
    // Somebody must poll, and nobody may sleep on work.
    if !carrier::any_work() && POLLING.load(SeqCst) {
        let op = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
        // SAFETY: a futex wait on a word of ours; EINTR and EAGAIN mean "look again".
        unsafe { sys::syscall4(nr(libc::SYS_futex), os.wake.as_ptr() as usize, op, 0, 0) };
    }
    let mut s = SLEEPERS.lock();
    if os.listed.get() {
        remove(&mut s, os);
    }
}

fn remove(s: &mut Sleepers, os: &OsThread) {
    if core::ptr::eq(s.0, os) {
        s.0 = os.next_sleeper.get();
    } else {
        // SAFETY: `os` is listed, so it is found behind some listed one.
        let mut at = unsafe { &*s.0 };
        while !core::ptr::eq(at.next_sleeper.get(), os) {
            // SAFETY: as above.
            at = unsafe { &*at.next_sleeper.get() };
        }
        at.next_sleeper.set(os.next_sleeper.get());
    }
    os.listed.set(false);
    SLEEPING.fetch_sub(1, SeqCst);
}

/// Forgets all others: for the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { SLEEPERS.reset() };
    SLEEPERS.lock().0 = null();
    SLEEPING.store(0, SeqCst);
    POLLING.store(false, SeqCst);
}
