//! Light coroutines.
//!
//! A coroutine belongs to the thread that spawned it, and shares that thread with its other coroutines and with the code that
//! spawned them: one runs at a time, and the turn passes only where one blocks, yields or joins. So what they share needs no
//! lock, and `spawn` asks for no `Send`. A blocking call of libc made inside one is such a place when the program has the
//! symbol hooks (see [`crate::hooks`]).
//!
//! - The thread itself takes part: when it joins, sleeps or blocks, its coroutines run.
//! - A panic ends its coroutine only, and `join` gives the payload. While a panic unwinds, hooked calls hold up the thread.
//! - A coroutine that is killed unwinds from wherever it waits in this crate; a hooked call of libc fails with
//!   ECANCELED (std and C declare these as functions that do not unwind), and so does every later one. One that has gone on
//!   for a hundred of them is abandoned: never resumed, nothing unwound.
//! - When a thread ends, its coroutines are killed, in the order in which they were made. When the process ends, by `exit` or by the end of `main`, they end with it, as threads do.
//! - When all coroutines of a thread wait for something that only another of them could bring about, the thread's own wait
//!   ends with a [`Deadlock`].
//! - In the child of a fork there are the coroutine that forked and the thread itself; the others count as killed.
//! - Signal handlers run where they interrupt the thread. A handler that runs while the thread sleeps ends the wait of the
//!   thread's own call, if that is one that signals end, never that of a coroutine. A handler must not spawn or wait.
//! - A coroutine has 256 KiB of stack unless [`Builder::stack_size`] says otherwise, of which it takes what it touches. An
//!   overflow is named on stderr, and the process dies of SIGSEGV.
//! - `errno` and the floating point control words belong to the coroutine; everything else per thread, like thread-locals
//!   and what a C++ `catch` block holds, is shared.
//!
//! | file | |
//! |---|---|
//! | `scheduler` | who runs. **Read this first** |
//! | `local` | which scheduler is this thread's |
//! | `record` | one coroutine, and the switch |
//! | `ready`, `timers`, `live` | its queues |
//! | `waiters` | those who wait for one thing |
//! | `inbox` | being woken by other threads |
//! | `events` | waiting for descriptors |
//! | `offload` | helpers for calls that can only block |
//! | `stack` | the stacks |
//! | `fork` | what is left in the child |
//! | `builder`, `handle`, `join`, `scope` | starting and joining |
//! | `timeout`, `locals`, `current`, `end` | what belongs to a coroutine |

mod builder;
mod current;
mod end;
mod events;
mod fork;
mod handle;
mod inbox;
mod join;
mod live;
mod local;
mod locals;
mod offload;
mod ready;
mod record;
mod scheduler;
mod scope;
mod stack;
mod timeout;
mod timers;
mod waiters;

pub use builder::{Builder, spawn, spawn_later};
pub(crate) use current::Address;
pub use current::{Current, Unparker, current, park, park_outside, park_timeout};
pub use end::{Deadlock, Killed};
pub(crate) use events::Source;
pub use handle::JoinHandle;
pub use join::{SelectFinished, join_all, join_all_timeout, select_finished};
pub(crate) use local::{hooked, own, remaining};
pub use locals::LocalKey;
pub(crate) use locals::local_of_task;
pub(crate) use offload::offload;
pub(crate) use record::{OnSignal, State, Task, Wake};
pub(crate) use scheduler::{Scheduler, Wait};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub(crate) use stack::Stack;
pub use timeout::{Elapsed, Timeout};
pub(crate) use waiters::{Guard, Waiters, wait_until};

use crate::sync::Event;
use crate::sys;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// No deadline.
pub(crate) const NEVER: u64 = u64::MAX;

/// Waits, while others run. The wait is at least as long as asked for; a time of zero is a [`yield_now`].
///
/// ```
/// use patchall::{join_all, sleep, spawn};
/// use std::time::{Duration, Instant};
/// let begin = Instant::now();
/// join_all([20, 10, 20].map(|ms| spawn(move || sleep(Duration::from_millis(ms)))));
/// assert!(begin.elapsed() < Duration::from_millis(45), "as long as the longest, not as the sum");
/// ```
pub fn sleep(duration: Duration) {
    if std::thread::panicking() {
        return std::thread::sleep(duration);
    }
    if duration.is_zero() {
        return yield_now();
    }
    let wait = Wait::on("its sleep to end").until(after(duration));
    if let Err(woken) = sleep_as(local::own(), wait) {
        interrupted(woken);
    }
}

/// Parks whoever runs until a time. The error is errno's.
pub(crate) fn sleep_until(s: &Scheduler, deadline: u64, on_signal: OnSignal) -> Result<(), i32> {
    sleep_as(s, Wait { on_signal, ..Wait::on("its sleep to end").until(deadline) }).map_err(Wake::errno)
}

fn sleep_as(s: &Scheduler, wait: Wait) -> Result<(), Wake> {
    while sys::monotonic() < wait.deadline {
        s.prepare();
        match s.park(wait) {
            Wake::Event | Wake::Timeout => {}
            other => return Err(other),
        }
    }
    Ok(())
}

/// A wait that has no error to give has ended before its time: unwinds the coroutine that runs.
#[cold]
pub(crate) fn interrupted(woken: Wake) -> ! {
    let s = local::own();
    match woken {
        Wake::Expired => timeout::unwind(s.here()),
        Wake::Stuck => std::panic::panic_any(Deadlock::new(s).to_string()),
        _ => std::panic::resume_unwind(Box::new(Killed(()))),
    }
}

/// A time from now, in nanoseconds of the monotonic clock.
pub(crate) fn after(duration: Duration) -> u64 {
    let ns = u64::try_from(duration.as_nanos()).unwrap_or(NEVER);
    sys::monotonic().saturating_add(ns).min(NEVER - 1)
}

/// Lets every other coroutine that is ready have a turn.
///
/// ```
/// let other = patchall::spawn(|| println!("my turn"));
/// patchall::yield_now();
/// assert!(other.is_finished());
/// ```
// Inlined down to the switch: the processor predicts returns by a stack of its own, which a switch in the middle of calls puts
// out of step, at the price of several switches for each call between.
#[inline(always)]
pub fn yield_now() {
    if !std::thread::panicking() && local::own().yield_now() == Wake::Kill {
        interrupted(Wake::Kill);
    }
}

/// Takes back the stack of a coroutine that has ended.
pub(crate) fn give_back(stack: Stack) {
    match remaining() {
        Some(s) => s.give_back(stack),
        None => drop(stack),
    }
}

/// The number of the coroutine that runs.
pub(crate) fn task_id() -> u64 {
    local::own().here().id
}

/// Calls what was to be called at the end of a coroutine, and drops its values.
fn run_finishers(task: &Task) {
    if task.extra.borrow().is_none() {
        return;
    }
    for call in task.take_extra(|e| &mut e.on_finish) {
        // What it does is its own business.
        let _ = catch_unwind(AssertUnwindSafe(call));
    }
    let locals = (task.take_extra(|e| &mut e.locals), task.take_extra(|e| &mut e.own));
    let _ = catch_unwind(AssertUnwindSafe(|| drop(locals)));
}

/// The calling thread's `errno`.
pub(crate) fn errno() -> i32 {
    // SAFETY: the location is the thread's own.
    unsafe { *libc::__errno_location() }
}

/// Sets it.
pub(crate) fn set_errno(e: i32) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = e };
}

/// A set of all signals.
fn full_set() -> libc::sigset_t {
    // SAFETY: all-zero is a set, and sigfillset writes it.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        all
    }
}

/// The signals that are in both.
fn intersection(a: &libc::sigset_t, b: &libc::sigset_t) -> libc::sigset_t {
    let mut both = full_set();
    for signal in 1..=64 {
        // SAFETY: sets of the right type; numbers that libc keeps for itself are refused, which is right.
        unsafe {
            if libc::sigismember(a, signal) != 1 || libc::sigismember(b, signal) != 1 {
                libc::sigdelset(&raw mut both, signal);
            }
        }
    }
    both
}
