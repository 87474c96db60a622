//! The scheduler: which virtual thread runs where.
//!
//! Vocabulary. A *virtual thread* ([`thread`]) is a thread of the program. An *OS thread* ([`os_thread`]) is one of the
//! kernel's; its *hub* ([`hub`]) is the loop, on a stack of its own, that runs virtual threads and steps their calls. A
//! *carrier* ([`carrier`]) is a queue role: a run queue and the right to run what is in it; an OS thread without one is a
//! *spare* ([`spare`]), and the watchdog ([`watch`]) gives it the role of one that is stuck. To *park* is to wait for
//! something named; the protocol is one atomic word ([`state`]).
//!
//! Invariants. A thread is in one run queue, or run by one hub, or parked. It is published (queued, parked) only when
//! nothing of it is left anywhere but in its record. While any carrier is idle, exactly one idle one is in the poll
//! ([`roles`]). Nothing here allocates, but for records of new threads.
//!
//! Rejected. Nested frames on the program's stack (the dispatcher running below the red zone): writes where the kernel
//! would not, costs every parked thread the stack page it spills to, and needs main to be started as a coroutine. A stack
//! of the engine's own for every thread: a page each. One scheduler loop on main's stack: main could not run again until
//! whoever runs on top of it stops.

mod asleep;
pub(crate) mod bound;
pub(crate) mod broadcast;
pub(crate) mod carrier;
pub(crate) mod cpu_clock;
pub(crate) mod debug;
mod heap;
pub(crate) mod helper;
pub(crate) mod hub;
pub(crate) mod idle;
pub(crate) mod os_thread;
pub(crate) mod roles;
pub(crate) mod saved;
pub(crate) mod spare;
pub(crate) mod spawn;
pub(crate) mod state;
pub(crate) mod thread;
pub(crate) mod tick;
mod tid_blocks;
pub(crate) mod tids;
pub(crate) mod timer;
pub(crate) mod waiter;
pub(crate) mod watch;

use os_thread::OsThread;
use state::{Wake, Woken};
use thread::ThreadRef;
use waiter::Waiter;

/// Ends park `seq` of `w`, and makes its thread ready if it was parked already. False: the waker was late.
///
/// Any OS thread may call it, from engine code; never a signal handler (run queues have locks).
pub(crate) fn wake(w: &Waiter, seq: u64, why: Wake) -> bool {
    woken(w, w.state.wake(seq, why))
}

/// As [`wake`], for a wait on several words: the one at place `word` was woken.
pub(crate) fn wake_by_word(w: &Waiter, seq: u64, word: u8) -> bool {
    woken(w, w.state.wake_by_word(seq, word))
}

#[inline(always)]
fn woken(w: &Waiter, how: Woken) -> bool {
    if how == Woken::Parked {
        // SAFETY: waiters are parts of threads.
        make_ready(unsafe { ThreadRef::of_waiter(w) });
    }
    how != Woken::Late
}

/// Queues a thread that may run: on the carrier the caller serves, else on the first. A bound one goes to its home.
pub(crate) fn make_ready(t: ThreadRef) {
    if let Some(home) = t.home() {
        return bound::ready(home, t);
    }
    let own =
        OsThread::here().map_or(core::ptr::null_mut(), |os| os.carrier.load(core::sync::atomic::Ordering::Relaxed));
    // SAFETY: carriers are static.
    match unsafe { own.as_ref() } {
        Some(c) => {
            // An idle carrier is woken when there is more than its owner will run next: waking at one costs more than the
            // switch it would save (DESIGN 7).
            if c.push(t) >= 2 && carrier::count() > 1 {
                idle::notify();
            }
        }
        None => {
            carrier::all()[0].push(t);
            idle::notify();
        }
    }
}
