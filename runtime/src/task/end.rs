//! How coroutines end otherwise than by returning.

use super::record::{State, Task};
use super::scheduler::Scheduler;
use std::fmt;
use std::fmt::Write as _;

/// The payload of a coroutine that was killed: what [`JoinHandle::join`](super::JoinHandle::join) gives as the error then.
#[derive(Debug)]
pub struct Killed(pub(super) ());

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the coroutine was killed")
    }
}

impl std::error::Error for Killed {}

/// A wait can never end: every coroutine of the thread waits for something that only another of them could bring about.
///
/// [`JoinHandle::join`](super::JoinHandle::join) gives it as the error; waits that have no error to give panic with it.
#[derive(Debug)]
pub struct Deadlock {
    report: String,
}

impl Deadlock {
    /// Who waits for what, now.
    pub(super) fn new(s: &Scheduler) -> Deadlock {
        let mut report = String::new();
        for task in s.all() {
            if task.state.get() != State::Finished {
                let between = if report.is_empty() { "" } else { "; " };
                let _ = write!(report, "{between}{task} waits for {}", task.what.get());
            }
        }
        Deadlock { report }
    }

    pub(super) fn of(task: &Task) -> Deadlock {
        Deadlock { report: format!("the thread ends, and {task} can run no more") }
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deadlock: {}", self.report)
    }
}

impl std::error::Error for Deadlock {}
