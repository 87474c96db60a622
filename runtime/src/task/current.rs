//! Who runs; and waiting for nothing but a nudge.

use super::inbox::{Inbox, Key};
use super::local;
use super::record::{Task, Wake, What};
use super::scheduler::Wait;
use super::waiters::Who;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::task;
use std::time::Duration;

/// What a coroutine waits for in [`park`].
pub(super) const UNPARKED: What = What("somebody to unpark it", 0);

/// A coroutine, or the thread itself: see [`current`]. Two are equal when they mean the same coroutine.
#[derive(Clone)]
pub struct Current(Rc<Task>);

impl Current {
    /// The number of the coroutine; 0: the thread itself.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The name it was given.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Has its [`park`] return: the one it is in, or the next one.
    pub fn unpark(&self) {
        let key = Key { slot: self.0.slot.get(), id: self.0.id, seq: Key::UNPARK };
        local::own().wake_key(key);
    }
}

impl PartialEq for Current {
    fn eq(&self, other: &Current) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Current {}

impl fmt::Display for Current {
    /// `<coroutine 7 "name">`, or `<thread>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&*self.0, f)
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&*self.0, f)
    }
}

/// The coroutine that runs, for messages and logs, and to be unparked by others. (gevent: `getcurrent`.)
///
/// ```
/// let c = patchall::task::Builder::new().name("worker").spawn(|| patchall::current().to_string()).unwrap();
/// let id = c.id();
/// assert_eq!(c.join().unwrap(), format!("<coroutine {id} \"worker\">"));
/// assert_eq!(patchall::current().to_string(), "<thread>");
/// ```
pub fn current() -> Current {
    Current(local::own().current())
}

/// Waits until somebody unparks this coroutine; if that was done since the last time, not at all. As
/// [`std::thread::park`], it may also return for no reason.
///
/// # Panics
/// Unwinds when the coroutine is killed; panics with a [`Deadlock`](super::Deadlock) when nobody is left who could unpark.
pub fn park() {
    park_until(super::NEVER, false);
}

/// As [`park`], for a limited time.
pub fn park_timeout(limit: Duration) {
    park_until(super::after(limit), false);
}

fn park_until(deadline: u64, outside: bool) {
    let s = local::own();
    let task = s.here();
    if !task.token.replace(false) {
        s.prepare();
        let wait = Wait { what: UNPARKED, outside, ..Wait::on("").until(deadline) };
        match s.park(wait) {
            Wake::Event | Wake::Timeout | Wake::Signal => {}
            other => super::interrupted(other),
        }
        task.token.set(false);
    }
}

/// Unparks a coroutine from any thread; also what `async` code is given to wake it by.
///
/// ```
/// let unparker = patchall::task::Unparker::new();
/// std::thread::spawn(move || unparker.unpark());
/// patchall::task::park_outside();
/// ```
#[derive(Clone)]
pub struct Unparker(Arc<Address>);

/// A coroutine, as any thread may wake it.
#[derive(Clone)]
pub(crate) struct Address {
    pub(super) inbox: Arc<Inbox>,
    pub(super) key: Key,
}

impl Address {
    /// Ends the park that it names, if that lasts.
    pub(crate) fn wake(&self) {
        let who = Who { inbox: Arc::as_ptr(&self.inbox), key: self.key };
        // SAFETY: the inbox is held.
        unsafe { who.wake() };
    }
}

impl Unparker {
    /// For the coroutine that runs.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Unparker {
        Unparker(Arc::new(local::own().address(Key::UNPARK)))
    }

    /// Has its [`park`] or [`park_outside`] return: the one it is in, or the next one.
    pub fn unpark(&self) {
        self.0.wake();
    }

    pub(crate) fn into_waker(self) -> task::Waker {
        task::Waker::from(self.0)
    }
}

impl task::Wake for Address {
    fn wake(self: Arc<Self>) {
        Unparker(self).unpark();
    }
}

impl fmt::Debug for Unparker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unparker({})", self.0.key.id)
    }
}

/// As [`park`], where another thread may unpark: never a deadlock.
pub fn park_outside() {
    park_until(super::NEVER, true);
}
