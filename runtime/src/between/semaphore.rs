//! Permits.

use super::kind::{Kind, Local, Ref, Shared, wait};
use crate::task::{Guard, NEVER, Waiters, Wake, after, interrupted, wait_until};
use std::fmt;
use std::time::Duration;

/// So many may be inside at a time. Clones mean the same permits, which are given out in the order in which they were asked
/// for. (gevent: `Semaphore`, `BoundedSemaphore`.)
///
/// ```
/// use patchall::{sync::Semaphore, join_all, sleep, spawn};
/// use std::time::Duration;
/// let two = Semaphore::new(2);
/// let all = (0..4).map(|_| spawn({ let two = two.clone(); move || {
///     let _permit = two.permit();
///     sleep(Duration::from_millis(1));
/// }}));
/// join_all(all);
/// assert_eq!(two.available(), 2);
/// ```
pub struct Semaphore<K: Kind = Local>(Ref<Permits, K>);

struct Permits {
    free: usize,
    most: usize,
    waiters: Waiters,
}

impl Permits {
    fn new(free: usize, most: usize) -> Permits {
        Permits { free, most, waiters: Waiters::default() }
    }

    fn take(&mut self) -> Option<()> {
        if self.free <= self.waiters.picked() {
            return None;
        }
        self.free -= 1;
        Some(())
    }
}

impl Semaphore {
    /// One with `permits` to give.
    pub fn new(permits: usize) -> Semaphore {
        Semaphore(Ref::new(Permits::new(permits, usize::MAX)))
    }

    /// One with `permits` to give, which takes back no more than these.
    pub fn bounded(permits: usize) -> Semaphore {
        Semaphore(Ref::new(Permits::new(permits, permits)))
    }
}

impl Semaphore<Shared> {
    /// As [`Semaphore::new`], for several threads.
    pub fn shared(permits: usize) -> Self {
        Semaphore(Ref::new(Permits::new(permits, usize::MAX)))
    }

    /// As [`Semaphore::bounded`], for several threads.
    pub fn shared_bounded(permits: usize) -> Self {
        Semaphore(Ref::new(Permits::new(permits, permits)))
    }
}

impl<K: Kind> Clone for Semaphore<K> {
    fn clone(&self) -> Self {
        Semaphore(self.0.clone())
    }
}

impl<K: Kind> Semaphore<K> {
    /// Waits for a permit, and takes it.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could give one back.
    #[inline]
    pub fn acquire(&self) {
        self.acquire_until(NEVER);
    }

    /// As [`Semaphore::acquire`], for a limited time. False: there was none.
    pub fn acquire_timeout(&self, limit: Duration) -> bool {
        self.acquire_until(after(limit))
    }

    /// Takes a permit if there is one now.
    pub fn try_acquire(&self) -> bool {
        self.0.with(|p| p.take().is_some())
    }

    #[inline]
    fn acquire_until(&self, deadline: u64) -> bool {
        match wait_until(&self.0, |p| &mut p.waiters, Permits::take, wait::<K>("a permit of a semaphore", deadline)) {
            Ok(()) => true,
            Err(Wake::Timeout) => false,
            Err(other) => interrupted(other),
        }
    }

    /// Gives a permit back, or a new one.
    ///
    /// # Panics
    /// When a bounded one has all of its permits.
    #[inline]
    pub fn release(&self) {
        let fits = self.0.with(|p| {
            let fits = p.free < p.most;
            if fits {
                p.free += 1;
                p.waiters.wake_one();
            }
            fits
        });
        assert!(fits, "a bounded semaphore was released more often than acquired");
    }

    /// Waits for a permit, which is given back when what this returns is dropped.
    ///
    /// # Panics
    /// As [`Semaphore::acquire`].
    pub fn permit(&self) -> Permit<K> {
        self.acquire();
        Permit(self.clone())
    }

    /// How many could be taken now.
    pub fn available(&self) -> usize {
        self.0.with(|p| p.free - p.waiters.picked().min(p.free))
    }
}

impl<K: Kind> fmt::Debug for Semaphore<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Semaphore({} available)", self.available())
    }
}

/// A permit of a [`Semaphore`]; dropping it gives it back.
#[must_use]
#[derive(Debug)]
pub struct Permit<K: Kind = Local>(Semaphore<K>);

impl<K: Kind> Drop for Permit<K> {
    fn drop(&mut self) {
        self.0.release();
    }
}
