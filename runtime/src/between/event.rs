//! Something that happens once, or a value that comes once.

use super::kind::{Kind, Local, Ref, Shared, wait};
use crate::task::{Guard, Waiters, Wake, after, interrupted, wait_until};
use std::fmt;
use std::time::Duration;

const NEVER: u64 = crate::task::NEVER;

/// A flag that coroutines wait for. Clones mean the same flag. (gevent: `Event`.)
///
/// ```
/// use patchall::{sync::Event, spawn, yield_now};
/// let ready = Event::new();
/// let waiter = spawn({ let ready = ready.clone(); move || ready.wait() });
/// yield_now();
/// assert!(!waiter.is_finished());
/// ready.set();
/// waiter.join().unwrap();
/// ```
pub struct Event<K: Kind = Local>(Ref<Flag, K>);

#[derive(Default)]
struct Flag {
    set: bool,
    /// How often it was set: who waits goes on even if it is cleared again at once.
    sets: u64,
    waiters: Waiters,
}

impl Event {
    /// One that is not set.
    pub fn new() -> Event {
        Event(Ref::new(Flag::default()))
    }
}

impl Event<Shared> {
    /// One that is not set, for several threads.
    pub fn shared() -> Event<Shared> {
        Event(Ref::new(Flag::default()))
    }
}

impl Default for Event {
    fn default() -> Event {
        Event::new()
    }
}

impl<K: Kind> Clone for Event<K> {
    fn clone(&self) -> Self {
        Event(self.0.clone())
    }
}

impl<K: Kind> Event<K> {
    /// Sets it: all who wait go on, and who comes later does not wait.
    pub fn set(&self) {
        self.0.with(|f| {
            f.set = true;
            f.sets += 1;
            f.waiters.wake_all();
        });
    }

    /// Takes that back.
    pub fn clear(&self) {
        self.0.with(|f| f.set = false);
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.0.with(|f| f.set)
    }

    /// Waits until it is set.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could set it.
    pub fn wait(&self) {
        self.wait_until(NEVER);
    }

    /// As [`Event::wait`], for a limited time. False: it was not set.
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.wait_until(after(limit))
    }

    fn wait_until(&self, deadline: u64) -> bool {
        let begin = self.0.with(|f| f.sets);
        let set = |f: &mut Flag| (f.set || f.sets != begin).then_some(());
        match wait_until(&self.0, |f| &mut f.waiters, set, wait::<K>("an event", deadline)) {
            Ok(()) => true,
            Err(Wake::Timeout) => false,
            Err(other) => interrupted(other),
        }
    }
}

impl<K: Kind> fmt::Debug for Event<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({})", if self.is_set() { "set" } else { "not set" })
    }
}

/// A value that one coroutine gives and others wait for. Clones mean the same value. (gevent: `AsyncResult`.)
///
/// ```
/// use patchall::{sync::AsyncResult, spawn};
/// let answer = AsyncResult::new();
/// let asker = spawn({ let answer = answer.clone(); move || answer.get() });
/// answer.set(42).unwrap();
/// assert_eq!(asker.join().unwrap(), 42);
/// ```
pub struct AsyncResult<T, K: Kind = Local>(Ref<Value<T>, K>);

struct Value<T> {
    value: Option<T>,
    waiters: Waiters,
}

impl<T> Default for Value<T> {
    fn default() -> Self {
        Value { value: None, waiters: Waiters::default() }
    }
}

impl<T> AsyncResult<T> {
    /// One without a value.
    pub fn new() -> Self {
        AsyncResult(Ref::new(Value::default()))
    }
}

impl<T> AsyncResult<T, Shared> {
    /// One without a value, for several threads.
    pub fn shared() -> Self {
        AsyncResult(Ref::new(Value::default()))
    }
}

impl<T> Default for AsyncResult<T> {
    fn default() -> Self {
        AsyncResult::new()
    }
}

impl<T, K: Kind> Clone for AsyncResult<T, K> {
    fn clone(&self) -> Self {
        AsyncResult(self.0.clone())
    }
}

impl<T, K: Kind> AsyncResult<T, K> {
    /// Gives the value.
    ///
    /// # Errors
    /// The value, when there was one already.
    pub fn set(&self, value: T) -> Result<(), T> {
        self.0.with(|v| {
            if v.value.is_some() {
                return Err(value);
            }
            v.value = Some(value);
            v.waiters.wake_all();
            Ok(())
        })
    }

    /// Whether there is a value.
    pub fn is_ready(&self) -> bool {
        self.0.with(|v| v.value.is_some())
    }

    /// Waits for the value.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could give a value.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        match self.get_until(NEVER) {
            Some(value) => value,
            None => unreachable!("a wait without a limit ends with a value or unwinds"),
        }
    }

    /// As [`AsyncResult::get`], for a limited time.
    pub fn get_timeout(&self, limit: Duration) -> Option<T>
    where
        T: Clone,
    {
        self.get_until(after(limit))
    }

    /// The value, if there is one.
    pub fn try_get(&self) -> Option<T>
    where
        T: Clone,
    {
        self.0.with(|v| v.value.clone())
    }

    fn get_until(&self, deadline: u64) -> Option<T>
    where
        T: Clone,
    {
        match wait_until(&self.0, |v| &mut v.waiters, |v| v.value.clone(), wait::<K>("a result", deadline)) {
            Ok(value) => Some(value),
            Err(Wake::Timeout) => None,
            Err(other) => interrupted(other),
        }
    }
}

impl<T, K: Kind> fmt::Debug for AsyncResult<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AsyncResult({})", if self.is_ready() { "ready" } else { "not ready" })
    }
}
