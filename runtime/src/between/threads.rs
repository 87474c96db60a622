//! Work that must not hold the coroutines up: in threads.

use super::kind::Shared;
use super::semaphore::Semaphore;
use crate::task::{JoinHandle, OnSignal, Wake, interrupted, offload, own, spawn};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Calls `f` in another thread, and waits for it while other coroutines run: for work that computes long, or calls something
/// that blocks and does not yield. When the coroutine is killed, `f` goes on, and what it returns is dropped.
///
/// ```
/// let sum = patchall::blocking(|| (1..=1000u64).sum::<u64>());
/// assert_eq!(sum, 500_500);
/// ```
///
/// # Panics
/// As `f` does; and unwinds when the coroutine is killed. If no thread can be made, `f` is called here.
pub fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // The function comes back if nobody has taken it.
    let job = std::sync::Arc::new(std::sync::Mutex::new(Some(f)));
    let theirs = job.clone();
    let take = |job: &std::sync::Mutex<Option<F>>| job.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let outcome = offload(own(), OnSignal::Ignore, move || take(&theirs).map(|f| catch_unwind(AssertUnwindSafe(f))));
    match outcome {
        ControlFlow::Continue(Some(Ok(value))) => value,
        ControlFlow::Continue(Some(Err(payload))) => resume_unwind(payload),
        ControlFlow::Break(libc::EAGAIN) | ControlFlow::Continue(None) => match take(&job) {
            Some(f) => f(),
            None => unreachable!("a function that was not called is still there"),
        },
        ControlFlow::Break(libc::ETIMEDOUT) => interrupted(Wake::Expired),
        ControlFlow::Break(_) => interrupted(Wake::Kill),
    }
}

/// At most so many threads for such work at a time. Clones mean the same pool. (gevent: `ThreadPool`.)
///
/// ```
/// let pool = patchall::sync::ThreadPool::new(2);
/// let squares = pool.map(1..=4, |i: u64| i * i);
/// assert_eq!(squares, [1, 4, 9, 16]);
/// assert_eq!(pool.spawn(|| "done").join().unwrap(), "done");
/// ```
#[derive(Clone, Debug)]
pub struct ThreadPool(Semaphore<Shared>);

impl ThreadPool {
    /// One of `size` threads, which are made when they are needed.
    ///
    /// # Panics
    /// When that is 0.
    pub fn new(size: usize) -> ThreadPool {
        assert!(size > 0, "a pool without a single thread");
        ThreadPool(Semaphore::shared(size))
    }

    /// Has a thread call `f`, when one is free.
    ///
    /// # Panics
    /// As [`spawn`].
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let pool = self.clone();
        spawn(move || {
            let place = pool.0.permit();
            // The place belongs to the work, not to who waits for it.
            blocking(move || {
                let _place = place;
                f()
            })
        })
    }

    /// Calls `f` with each item, in the pool's threads, and gives the results in the order of the items.
    ///
    /// # Panics
    /// As `f` does.
    pub fn map<I, F, T>(&self, items: I, f: F) -> Vec<T>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        let f = std::sync::Arc::new(f);
        let start = |item| {
            let f = f.clone();
            self.spawn(move || f(item))
        };
        let all: Vec<_> = items.into_iter().map(start).collect();
        all.into_iter().map(|c| c.join().unwrap_or_else(|payload| resume_unwind(payload))).collect()
    }
}
