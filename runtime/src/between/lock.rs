//! Mutex, RwLock, Condvar, Barrier and Once, with std's names.
//!
//! Between coroutines of one thread, data needs no lock unless it must stay as it is across a wait. There is no poisoning:
//! what a panic left behind is for the next one to see.
//!
//! Unsafe: a lock's value is reached through its guards only, of which the state allows one, or readers.

use super::kind::{Cell, Kind, Local, Shared, wait};
use crate::task::{Guard, NEVER, Waiters, Wake, after, interrupted, wait_until};
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

#[derive(Default)]
struct Gate {
    writer: bool,
    readers: usize,
    waiting_writers: usize,
    waiters: Waiters,
}

impl Gate {
    fn write(&mut self) -> Option<()> {
        let free = !self.writer && self.readers == 0 && self.waiters.picked() == 0;
        self.writer |= free;
        free.then_some(())
    }

    fn read(&mut self) -> Option<()> {
        let free = !self.writer && self.waiting_writers == 0;
        self.readers += usize::from(free);
        free.then_some(())
    }
}

/// One at a time may reach the value, across waits, too.
///
/// ```
/// use patchall::{sync::Mutex, scope, yield_now};
/// let counter = Mutex::new(0);
/// scope(|s| {
///     for _ in 0..10 {
///         s.spawn(|| {
///             let mut n = counter.lock();
///             let before = *n;
///             yield_now();
///             *n = before + 1;
///         });
///     }
/// });
/// assert_eq!(counter.into_inner(), 10);
/// ```
pub struct Mutex<T: ?Sized, K: Kind = Local> {
    gate: Cell<Gate, K>,
    value: UnsafeCell<T>,
}

// SAFETY: the gate of this form lets one thread at a time reach the value.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T, Shared> {}

impl<T> Mutex<T> {
    /// One for coroutines of this thread.
    pub fn new(value: T) -> Self {
        Mutex { gate: Cell::new(Gate::default()), value: UnsafeCell::new(value) }
    }
}

impl<T> Mutex<T, Shared> {
    /// One for several threads.
    pub fn shared(value: T) -> Self {
        Mutex { gate: Cell::new(Gate::default()), value: UnsafeCell::new(value) }
    }
}

impl<T, K: Kind> Mutex<T, K> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized, K: Kind> Mutex<T, K> {
    /// Waits until nobody else has it.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could let go of it (the caller has it, say).
    pub fn lock(&self) -> MutexGuard<'_, T, K> {
        let wait = wait::<K>("a mutex", NEVER);
        match wait_until(&self.gate, |g| &mut g.waiters, Gate::write, wait) {
            Ok(()) => MutexGuard(self),
            Err(other) => interrupted(other),
        }
    }

    /// Takes it if nobody has it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, K>> {
        self.gate.with(Gate::write).map(|()| MutexGuard(self))
    }

    /// The value, which nobody else can have.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// The value of a [`Mutex`]; dropping it lets go.
#[must_use]
pub struct MutexGuard<'a, T: ?Sized, K: Kind = Local>(&'a Mutex<T, K>);

impl<T: ?Sized, K: Kind> Deref for MutexGuard<'_, T, K> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: see the header.
        unsafe { &*self.0.value.get() }
    }
}

impl<T: ?Sized, K: Kind> DerefMut for MutexGuard<'_, T, K> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: see the header.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T: ?Sized, K: Kind> Drop for MutexGuard<'_, T, K> {
    fn drop(&mut self) {
        self.0.gate.with(|g| {
            g.writer = false;
            g.waiters.wake_one();
        });
    }
}

/// Many may read the value, or one write it. Writers go first.
///
/// ```
/// let words = patchall::sync::RwLock::new(vec!["a"]);
/// words.write().push("b");
/// let (one, other) = (words.read(), words.read());
/// assert_eq!(one.len() + other.len(), 4);
/// ```
pub struct RwLock<T: ?Sized, K: Kind = Local> {
    gate: Cell<Gate, K>,
    value: UnsafeCell<T>,
}

// SAFETY: the gate of this form lets one thread write, or several read.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T, Shared> {}

impl<T> RwLock<T> {
    /// One for coroutines of this thread.
    pub fn new(value: T) -> Self {
        RwLock { gate: Cell::new(Gate::default()), value: UnsafeCell::new(value) }
    }
}

impl<T> RwLock<T, Shared> {
    /// One for several threads.
    pub fn shared(value: T) -> Self {
        RwLock { gate: Cell::new(Gate::default()), value: UnsafeCell::new(value) }
    }
}

impl<T, K: Kind> RwLock<T, K> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized, K: Kind> RwLock<T, K> {
    /// Waits until nobody writes or waits to write.
    ///
    /// # Panics
    /// As [`Mutex::lock`].
    pub fn read(&self) -> RwLockReadGuard<'_, T, K> {
        match wait_until(&self.gate, |g| &mut g.waiters, Gate::read, wait::<K>("a lock to read", NEVER)) {
            Ok(()) => RwLockReadGuard(self),
            Err(other) => interrupted(other),
        }
    }

    /// Waits until nobody else has it.
    ///
    /// # Panics
    /// As [`Mutex::lock`].
    pub fn write(&self) -> RwLockWriteGuard<'_, T, K> {
        let attempt = |g: &mut Gate| {
            let free = !g.writer && g.readers == 0;
            g.writer |= free;
            free.then_some(())
        };
        if self.gate.with(|g| attempt(g)).is_some() {
            return RwLockWriteGuard(self);
        }
        self.gate.with(|g| g.waiting_writers += 1);
        let waited = wait_until(&self.gate, |g| &mut g.waiters, attempt, wait::<K>("a lock to write", NEVER));
        self.gate.with(|g| {
            g.waiting_writers -= 1;
            if waited.is_err() {
                // Readers may have waited for this writer only.
                g.waiters.wake_all();
            }
        });
        match waited {
            Ok(()) => RwLockWriteGuard(self),
            Err(other) => interrupted(other),
        }
    }

    /// The value, which nobody else can have.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// The value of a [`RwLock`], to read; dropping it lets go.
#[must_use]
pub struct RwLockReadGuard<'a, T: ?Sized, K: Kind = Local>(&'a RwLock<T, K>);

/// The value of a [`RwLock`], to write; dropping it lets go.
#[must_use]
pub struct RwLockWriteGuard<'a, T: ?Sized, K: Kind = Local>(&'a RwLock<T, K>);

impl<T: ?Sized, K: Kind> Deref for RwLockReadGuard<'_, T, K> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: see the header.
        unsafe { &*self.0.value.get() }
    }
}

impl<T: ?Sized, K: Kind> Deref for RwLockWriteGuard<'_, T, K> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: see the header.
        unsafe { &*self.0.value.get() }
    }
}

impl<T: ?Sized, K: Kind> DerefMut for RwLockWriteGuard<'_, T, K> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: see the header.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T: ?Sized, K: Kind> Drop for RwLockReadGuard<'_, T, K> {
    fn drop(&mut self) {
        self.0.gate.with(|g| {
            g.readers -= 1;
            if g.readers == 0 {
                g.waiters.wake_all();
            }
        });
    }
}

impl<T: ?Sized, K: Kind> Drop for RwLockWriteGuard<'_, T, K> {
    fn drop(&mut self) {
        self.0.gate.with(|g| {
            g.writer = false;
            g.waiters.wake_all();
        });
    }
}

#[derive(Default)]
struct Turns {
    /// How many notifications there were that one may take, and how many that all may.
    ones: u64,
    alls: u64,
    waiters: Waiters,
}

/// Waits for something about a mutex's value to change.
///
/// ```
/// use patchall::{spawn, sync::{Condvar, Mutex}};
/// use std::rc::Rc;
/// let pair = Rc::new((Mutex::new(false), Condvar::new()));
/// let theirs = pair.clone();
/// spawn(move || {
///     *theirs.0.lock() = true;
///     theirs.1.notify_one();
/// });
/// let mut ready = pair.0.lock();
/// while !*ready {
///     ready = pair.1.wait(ready);
/// }
/// ```
pub struct Condvar<K: Kind = Local>(Cell<Turns, K>);

impl Condvar {
    /// One for coroutines of this thread.
    pub fn new() -> Condvar {
        Condvar(Cell::new(Turns::default()))
    }
}

impl Condvar<Shared> {
    /// One for several threads.
    pub fn shared() -> Condvar<Shared> {
        Condvar(Cell::new(Turns::default()))
    }
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl<K: Kind> Condvar<K> {
    /// Lets go of the mutex, waits to be notified, and takes it again. It may also return for no reason.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could notify.
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T, K>) -> MutexGuard<'a, T, K> {
        self.wait_until(guard, NEVER).0
    }

    /// As [`Condvar::wait`], for a limited time. False: nobody notified.
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T, K>,
        limit: Duration,
    ) -> (MutexGuard<'a, T, K>, bool) {
        self.wait_until(guard, after(limit))
    }

    fn wait_until<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T, K>, deadline: u64) -> (MutexGuard<'a, T, K>, bool) {
        let mutex = guard.0;
        let alls = self.0.with(|t| t.alls);
        let mut guard = Some(guard);
        let attempt = |t: &mut Turns| {
            // Only now is it let go of: whoever notifies after this finds the waiter in the list, or what it left here.
            drop(guard.take());
            if t.alls != alls {
                return Some(());
            }
            t.ones = t.ones.checked_sub(1)?;
            Some(())
        };
        let wait = wait::<K>("a condition", deadline);
        let notified = match wait_until(&self.0, |t| &mut t.waiters, attempt, wait) {
            Ok(()) => true,
            Err(Wake::Timeout) => false,
            Err(other) => interrupted(other),
        };
        (mutex.lock(), notified)
    }

    /// Wakes one that waits.
    pub fn notify_one(&self) {
        self.0.with(|t| {
            if t.waiters.wake_one() {
                t.ones += 1;
            }
        });
    }

    /// Wakes all that wait.
    pub fn notify_all(&self) {
        self.0.with(|t| {
            t.alls += 1;
            t.waiters.wake_all();
        });
    }
}

struct Meeting {
    size: usize,
    here: usize,
    number: u64,
    waiters: Waiters,
}

/// Waits until so many are there.
///
/// ```
/// let barrier = patchall::sync::Barrier::new(2);
/// patchall::scope(|s| {
///     let leaders: usize = [0, 1].map(|_| s.spawn(|| barrier.wait())).into_iter().map(|c| c.join().unwrap() as usize).sum();
///     assert_eq!(leaders, 1);
/// });
/// ```
pub struct Barrier<K: Kind = Local>(Cell<Meeting, K>);

impl Barrier {
    /// One for `size` coroutines of this thread.
    pub fn new(size: usize) -> Barrier {
        Barrier(Cell::new(Meeting { size, here: 0, number: 0, waiters: Waiters::default() }))
    }
}

impl Barrier<Shared> {
    /// One for `size` coroutines of several threads.
    pub fn shared(size: usize) -> Barrier<Shared> {
        Barrier(Cell::new(Meeting { size, here: 0, number: 0, waiters: Waiters::default() }))
    }
}

impl<K: Kind> Barrier<K> {
    /// Waits until all are here. True for the last of them.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could come.
    pub fn wait(&self) -> bool {
        let number = self.0.with(|m| {
            m.here += 1;
            if m.here >= m.size {
                m.here = 0;
                m.number += 1;
                m.waiters.wake_all();
                return None;
            }
            Some(m.number)
        });
        let Some(number) = number else { return true };
        let met = |m: &mut Meeting| (m.number != number).then_some(());
        if let Err(other) = wait_until(&self.0, |m| &mut m.waiters, met, wait::<K>("a barrier", NEVER)) {
            self.0.with(|m| m.here -= usize::from(m.number == number));
            interrupted(other);
        }
        false
    }
}

/// Something that is done once; who comes meanwhile waits.
///
/// ```
/// let once = patchall::sync::Once::new();
/// let mut count = 0;
/// once.call_once(|| count += 1);
/// once.call_once(|| count += 1);
/// assert_eq!(count, 1);
/// ```
pub struct Once<K: Kind = Local>(Mutex<bool, K>);

impl Once {
    /// One for coroutines of this thread.
    pub fn new() -> Once {
        Once(Mutex::new(false))
    }
}

impl Once<Shared> {
    /// One for several threads.
    pub fn shared() -> Once<Shared> {
        Once(Mutex::shared(false))
    }
}

impl Default for Once {
    fn default() -> Once {
        Once::new()
    }
}

impl<K: Kind> Once<K> {
    /// Calls `f` if nothing was called yet. If it panics, the next one calls.
    pub fn call_once(&self, f: impl FnOnce()) {
        let mut done = self.0.lock();
        if !*done {
            f();
            *done = true;
        }
    }

    /// Whether it is done.
    pub fn is_completed(&self) -> bool {
        self.0.try_lock().is_some_and(|done| *done)
    }
}

macro_rules! opaque {
    ($($name:ident [$($p:ident)?])*) => {$(
        impl<$($p: ?Sized,)? K: Kind> fmt::Debug for $name<$($p,)? K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}
opaque!(Mutex[T] RwLock[T] Condvar[] Barrier[] Once[]);
