//! Light coroutines.
//!
//! A coroutine belongs to the thread that spawned it, and shares that thread with its other coroutines and with the code that
//! spawned them: one runs at a time, and the turn passes only where one blocks, yields or joins. So what they share needs no
//! lock, and `spawn` asks for no `Send`. A blocking call of libc made inside one is such a place when the program has the
//! symbol hooks (see [`crate::hooks`]).
//!
//! - The thread itself takes part: when it joins, sleeps or blocks, its coroutines run.
//! - A panic ends its coroutine only, and `join` gives the payload. While a panic unwinds, blocking calls hold up the thread.
//! - A coroutine that is killed unwinds from [`sleep`], [`yield_now`] and [`JoinHandle::join`]; a hooked call of libc fails with
//!   ECANCELED (std and C declare these as functions that do not unwind), and so does every later one. One that has gone on
//!   for a hundred of them is abandoned: never resumed, nothing unwound.
//! - When a thread ends, its coroutines are killed, in the order in which they were made. When the process ends, by `exit` or by the end of `main`, they end with it, as threads do.
//! - In the child of a fork there are the coroutine that forked and the thread itself; the others count as killed.
//! - Signal handlers run where they interrupt the thread. A handler that runs while the thread sleeps ends the wait of the
//!   thread's own call, if that is one that signals end, never that of a coroutine.
//! - A coroutine has 256 KiB of stack; an overflow is a SIGSEGV.
//! - `errno` and the floating point control words belong to the coroutine; everything else per thread, like thread-locals
//!   and what a C++ `catch` block holds, is shared.
//!
//! | file | |
//! |---|---|
//! | `scheduler` | who runs. **Read this first** |
//! | `local` | which scheduler is this thread's |
//! | `record` | one coroutine, and the switch |
//! | `events` | waiting for descriptors |
//! | `offload` | helpers for calls that can only block |
//! | `stack` | the stacks |
//! | `fork` | what is left in the child |
//! | `handle` | what `spawn` gives |

mod events;
mod fork;
mod handle;
mod local;
mod offload;
mod record;
mod scheduler;
mod stack;

pub use handle::{Current, Deadlock, JoinHandle, Killed, current};
pub(crate) use local::hooked;
pub(crate) use offload::offload;
pub(crate) use record::{OnSignal, Wake};
pub(crate) use scheduler::Scheduler;
pub(crate) use stack::{Stack, is_guard};

use crate::sys;
use record::Task;
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::time::Duration;

/// No deadline.
pub(crate) const NEVER: u64 = u64::MAX;

/// Starts `f` as a coroutine of this thread. It runs at the next switch.
///
/// ```
/// let words = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
/// let theirs = words.clone();
/// let child = patchall::spawn(move || theirs.borrow_mut().push("coroutine"));
/// words.borrow_mut().push("thread");
/// child.join().unwrap();
/// assert_eq!(*words.borrow(), ["thread", "coroutine"]);
/// ```
///
/// # Panics
/// When there is no memory for a stack; [`Builder::spawn`] gives an error instead.
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    Builder::new().spawn(f).unwrap_or_else(|e| panic!("no stack for a coroutine: {e}"))
}

/// Starts a coroutine with a name.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    name: String,
}

impl Builder {
    /// Nothing set.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the coroutine, for messages.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = name.into();
        self
    }

    /// As [`spawn`].
    ///
    /// # Errors
    /// No memory for a stack.
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let scheduler = local::own();
        let stack = stack::Stack::take().map_err(io::Error::from_raw_os_error)?;
        let outcome = Rc::new(Cell::new(None));
        let theirs = outcome.clone();
        let body = move || theirs.set(Some(catch_unwind(AssertUnwindSafe(f))));
        let task = Task::new(LAST.fetch_add(1, Relaxed) + 1, self.name.into(), stack, Box::new(body));
        scheduler.start(task.clone());
        Ok(JoinHandle::new(task, scheduler, outcome))
    }
}

/// Joins all of them; the results are in the order of the handles.
pub fn join_all<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<std::thread::Result<T>> {
    handles.into_iter().collect::<Vec<_>>().into_iter().map(JoinHandle::join).collect()
}

/// Waits, while others run. The wait is at least as long as asked for.
pub fn sleep(duration: Duration) {
    let scheduler = local::own();
    if std::thread::panicking() {
        return std::thread::sleep(duration);
    }
    if sleep_until(&scheduler, after(duration), OnSignal::Ignore) == Err(libc::ECANCELED) {
        unwind();
    }
}

/// Parks whoever runs until a time. The error is errno's.
pub(crate) fn sleep_until(s: &Scheduler, deadline: u64, on_signal: OnSignal) -> Result<(), i32> {
    while sys::monotonic() < deadline {
        s.prepare();
        match s.park(deadline, on_signal) {
            Wake::Signal => return Err(libc::EINTR),
            Wake::Kill => return Err(libc::ECANCELED),
            _ => {}
        }
    }
    Ok(())
}

/// Unwinds the coroutine that runs: it was killed.
fn unwind() -> ! {
    std::panic::resume_unwind(Box::new(Killed::new()))
}

/// A time from now, in nanoseconds of the monotonic clock.
pub(crate) fn after(duration: Duration) -> u64 {
    let ns = u64::try_from(duration.as_nanos()).unwrap_or(NEVER);
    sys::monotonic().saturating_add(ns).min(NEVER - 1)
}

/// Lets every other coroutine that is ready have a turn.
pub fn yield_now() {
    let scheduler = local::own();
    if !std::thread::panicking() && scheduler.yield_now() == Wake::Kill {
        unwind();
    }
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
