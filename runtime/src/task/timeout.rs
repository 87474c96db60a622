//! Time limits around whatever blocks.
//!
//! A coroutine has a list of limits, the innermost first, which lie on its stack. Each park ends when the earliest of them
//! passes; the innermost that has passed is the one that is told.
//!
//! Unsafe: the list. A frame is in it only while [`Timeout::after`] runs.

use super::record::Task;
use super::{NEVER, local};
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// One limit.
pub(super) struct Frame {
    deadline: u64,
    fired: Cell<bool>,
    outer: *const Frame,
}

/// What a wait unwinds with when a limit around it has passed: which.
struct Expired(*const Frame);

// SAFETY: compared, never followed.
unsafe impl Send for Expired {}

fn frames(task: &Task) -> impl Iterator<Item = &Frame> {
    let mut next = task.limits.get();
    std::iter::from_fn(move || {
        // SAFETY: see the header.
        let frame = unsafe { next.as_ref() }?;
        next = frame.outer;
        Some(frame)
    })
}

/// When the next wait of `task` ends at the latest.
#[inline]
pub(super) fn limit(task: &Task) -> u64 {
    if task.limits.get().is_null() {
        return NEVER;
    }
    frames(task).filter(|f| !f.fired.get()).map(|f| f.deadline).min().unwrap_or(NEVER)
}

/// A wait of `task` has ended because a limit has passed.
pub(super) fn expire(task: &Task, now: u64) {
    if let Some(frame) = frames(task).find(|f| !f.fired.get() && f.deadline <= now) {
        frame.fired.set(true);
    }
}

/// Unwinds to the innermost limit that has fired.
pub(super) fn unwind(task: &Task) -> ! {
    let frame = frames(task).find(|f| f.fired.get()).map_or(std::ptr::null(), std::ptr::from_ref);
    resume_unwind(Box::new(Expired(frame)))
}

/// The error of [`Timeout::after`]: the time had passed before it was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Elapsed(pub(crate) ());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time has passed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    fn from(e: Elapsed) -> Self {
        std::io::Error::new(std::io::ErrorKind::TimedOut, e)
    }
}

/// A time limit around whatever blocks: gevent's `Timeout` and `with_timeout`.
#[derive(Debug)]
pub struct Timeout(());

impl Timeout {
    /// Calls `f`. If it still waits for something when the time has passed, that wait ends, and with it `f`: functions of this
    /// crate unwind, and a hooked call of libc fails with ETIMEDOUT, once. `None` is no limit.
    ///
    /// Limits may be nested. When several have passed, the innermost is told first. A limit is looked at where something
    /// waits, and nowhere else: with a time of zero `f` runs until it first has to wait.
    ///
    /// ```
    /// use patchall::{Timeout, sleep};
    /// use std::time::Duration;
    ///
    /// let quick = Timeout::after(Duration::from_secs(5), || "done");
    /// assert_eq!(quick, Ok("done"));
    ///
    /// let slow = Timeout::after(Duration::from_millis(5), || sleep(Duration::from_secs(5)));
    /// assert!(slow.is_err());
    ///
    /// let patient = Timeout::after(None, || sleep(Duration::from_millis(1)));
    /// assert!(patient.is_ok());
    /// ```
    ///
    /// # Errors
    /// A wait was ended because of the limit, even if `f` made something of it and returned.
    ///
    /// # Panics
    /// As `f` does.
    pub fn after<T>(limit: impl Into<Option<Duration>>, f: impl FnOnce() -> T) -> Result<T, Elapsed> {
        let Some(limit) = limit.into() else { return Ok(f()) };
        let task = local::own().current();
        let frame = Frame { deadline: super::after(limit), fired: Cell::new(false), outer: task.limits.get() };
        let this = std::ptr::from_ref(&frame);
        task.limits.set(this);
        let outcome = catch_unwind(AssertUnwindSafe(f));
        task.limits.set(frame.outer);
        match outcome {
            Ok(value) if !frame.fired.get() => Ok(value),
            Ok(_) => Err(Elapsed(())),
            Err(payload) if payload.downcast_ref::<Expired>().is_some_and(|e| e.0 == this) => Err(Elapsed(())),
            Err(payload) => resume_unwind(payload),
        }
    }
}
