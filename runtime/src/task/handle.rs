//! What is left in the hands of those who start coroutines.

use super::local;
use super::record::{State, Task};
use super::scheduler::Scheduler;
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// The payload of a coroutine that was killed: what [`JoinHandle::join`] gives as the error then.
#[derive(Debug)]
pub struct Killed(());

impl Killed {
    pub(super) fn new() -> Killed {
        Killed(())
    }
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the coroutine was killed")
    }
}

impl std::error::Error for Killed {}

/// What [`JoinHandle::join`] gives as the error when the coroutine can never end: nothing is left in this thread that it, or
/// anything it waits for, could be woken by.
#[derive(Debug)]
pub struct Deadlock {
    waiting: String,
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deadlock: {} waits for something that can no longer happen", self.waiting)
    }
}

impl std::error::Error for Deadlock {}

pub(super) type Outcome<T> = Rc<Cell<Option<std::thread::Result<T>>>>;

/// A coroutine that was started. Dropping it lets the coroutine go on by itself.
pub struct JoinHandle<T> {
    task: Rc<Task>,
    scheduler: Rc<Scheduler>,
    outcome: Outcome<T>,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(task: Rc<Task>, scheduler: Rc<Scheduler>, outcome: Outcome<T>) -> Self {
        JoinHandle { task, scheduler, outcome }
    }

    /// Waits until the coroutine has ended, while others run, and gives what it returned.
    ///
    /// # Errors
    /// The payload of its panic, as [`std::thread::JoinHandle::join`] does; [`Killed`] if it was killed; [`Deadlock`] when
    /// the caller is the thread itself and no coroutine of it can ever run again.
    pub fn join(self) -> std::thread::Result<T> {
        if !self.scheduler.join(&self.task) {
            return Err(Box::new(Deadlock { waiting: Current::of(&self.task).to_string() }));
        }
        self.outcome.take().unwrap_or_else(|| Err(Box::new(Killed::new()) as Box<dyn Any + Send>))
    }

    /// Whether it has ended: [`JoinHandle::join`] will not wait.
    pub fn is_finished(&self) -> bool {
        self.task.state.get() == State::Finished
    }

    /// Has it unwind from where it waits, at the next switch; one that has not begun never does. It may catch the panic, whose
    /// payload is [`Killed`], and is killed again where it waits next. One that has ended stays as it is.
    pub fn kill(&self) {
        self.scheduler.kill(&self.task);
    }

    /// Its number: unique in the process, never used again.
    pub fn id(&self) -> u64 {
        self.task.id
    }

    /// Its name, if it was given one.
    pub fn name(&self) -> Option<Rc<str>> {
        Current::of(&self.task).name().cloned()
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinHandle({})", Current::of(&self.task))
    }
}

/// Who runs: see [`current`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    id: u64,
    name: Rc<str>,
}

impl Current {
    fn of(task: &Task) -> Current {
        Current { id: task.id, name: task.name.clone() }
    }

    /// The number of the coroutine; 0: the thread itself.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The name it was given.
    pub fn name(&self) -> Option<&Rc<str>> {
        (!self.name.is_empty()).then_some(&self.name)
    }
}

impl fmt::Display for Current {
    /// `<coroutine 7 "name">`, or `<thread>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.id, self.name()) {
            (0, _) => f.write_str("<thread>"),
            (id, None) => write!(f, "<coroutine {id}>"),
            (id, Some(name)) => write!(f, "<coroutine {id} {name:?}>"),
        }
    }
}

/// The coroutine that runs, for messages and logs.
pub fn current() -> Current {
    Current::of(&local::own().current())
}
