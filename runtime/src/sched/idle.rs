//! What a carrier does when it has nothing to run: the roles ([`super::roles`]) on futex, epoll and eventfd.

use super::carrier;
use super::os_thread::{OsThread, count};
use super::roles::{Roles, Sleeper, World};
use super::{timer, watch};
use crate::abi::signal;
use crate::reactor;
use crate::sys::{self, nr};
use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering::*};

static ROLES: Roles<OsThread> = Roles::new();

impl Sleeper for OsThread {
    fn wake(&self) -> &AtomicU32 {
        &self.wake
    }

    fn next(&self) -> &Cell<*const OsThread> {
        &self.next_sleeper
    }

    fn listed(&self) -> &Cell<bool> {
        &self.listed
    }
}

struct Engine;

impl World for Engine {
    fn any_work(&self) -> bool {
        carrier::any_work() || signal::process_pending()
    }

    fn deadline(&self) -> u64 {
        timer::next()
    }

    fn poll(&self, until: u64) {
        if let Some(os) = OsThread::here() {
            count(&os.counters.polls);
        }
        reactor::poll(match until {
            0 => Some(0),
            timer::NEVER => None,
            t => Some(t.saturating_sub(sys::monotonic())),
        });
    }

    fn kick(&self) {
        reactor::kick();
    }

    fn sleep(&self, word: &AtomicU32) {
        let op = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
        // SAFETY: a futex wait on a word of ours; EINTR and EAGAIN mean "look again".
        unsafe { sys::syscall4(nr(libc::SYS_futex), word.as_ptr() as usize, op, 0, 0) };
    }

    fn rouse(&self, word: &AtomicU32) {
        word.store(1, SeqCst);
        let op = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize;
        // SAFETY: a futex wake on a word of ours.
        unsafe { sys::syscall3(nr(libc::SYS_futex), word.as_ptr() as usize, op, 1) };
    }
}

/// Work was queued that whoever queued it may not get to soon: wakes one idle carrier, if there is one.
pub(crate) fn notify() {
    ROLES.notify(&Engine);
}

/// A deadline became the earliest one: a poller that would sleep longer looks again.
pub(crate) fn deadline_moved(at: u64) {
    watch::deadline_moved(at);
    ROLES.deadline_moved(at, &Engine);
}

/// Whether a carrier could take work right now.
pub(crate) fn anyone() -> bool {
    ROLES.anyone()
}

/// A look at the descriptors in passing.
pub(crate) fn glance() {
    ROLES.glance(&Engine);
}

/// Ends an OS thread's futex sleep, now or the one it is about to begin.
pub(crate) fn rouse(os: &OsThread) {
    Engine.rouse(&os.wake);
}

/// Waits until there may be something to do. Who has been here calls [`busy`] before it does that.
pub(crate) fn wait(os: &OsThread) {
    timer::expire();
    super::debug::note_time();
    ROLES.wait(os, &Engine);
    timer::expire();
}

/// The caller has been idle and is not any more: somebody else polls.
pub(crate) fn busy() {
    ROLES.busy(&Engine);
}

/// Forgets all others: for the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { ROLES.after_fork() };
}
