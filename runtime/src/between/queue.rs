//! Queues: items that some coroutines put and others get.

use super::kind::{Kind, Local, Ref, Shared, wait};
use super::store::{Fifo, Lifo, Smallest, Store};
use crate::task::{Guard, NEVER, Waiters, Wake, after, interrupted, wait_until};
use std::fmt;
use std::time::Duration;

/// First in, first out. See [`AnyQueue`] for what it can do.
///
/// ```
/// use patchall::{sync::Queue, spawn};
/// let queue = Queue::bounded(2);
/// let producer = spawn({ let queue = queue.clone(); move || {
///     (1..=5).for_each(|i| queue.put(i).unwrap());
///     queue.close();
/// }});
/// assert_eq!(queue.iter().sum::<i32>(), 15);
/// producer.join().unwrap();
/// ```
pub type Queue<T, K = Local> = AnyQueue<Fifo<T>, K>;

/// Last in, first out. See [`AnyQueue`].
///
/// ```
/// let stack = patchall::sync::LifoQueue::new();
/// [1, 2, 3].map(|i| stack.put(i).unwrap());
/// assert_eq!([stack.get(), stack.get(), stack.get()], [Some(3), Some(2), Some(1)]);
/// ```
pub type LifoQueue<T, K = Local> = AnyQueue<Lifo<T>, K>;

/// The smallest item first. See [`AnyQueue`].
///
/// ```
/// let queue = patchall::sync::PriorityQueue::new();
/// [2, 3, 1].map(|i| queue.put(i).unwrap());
/// assert_eq!([queue.get(), queue.get(), queue.get()], [Some(1), Some(2), Some(3)]);
/// ```
pub type PriorityQueue<T, K = Local> = AnyQueue<Smallest<T>, K>;

/// A queue between coroutines; clones mean the same queue. It may be bounded, and then putting waits for room. It may be
/// closed, and then nothing can be put, and who gets is told once it is empty. It counts what was put and not yet reported
/// done ([`AnyQueue::task_done`]), for [`AnyQueue::join`]. (gevent: `Queue`, `JoinableQueue`.)
pub struct AnyQueue<S: Store, K: Kind = Local>(Ref<State<S>, K>);

struct State<S> {
    items: S,
    most: usize,
    closed: bool,
    unfinished: usize,
    getters: Waiters,
    putters: Waiters,
    joiners: Waiters,
}

/// The queue is closed; what was to be put.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T>(pub T);

/// Nothing was put.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PutError<T> {
    /// There was no room.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

/// Nothing was got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GetError {
    /// There was nothing.
    Empty,
    /// The queue is closed, and there will be nothing.
    Closed,
}

impl<S: Store> State<S> {
    fn new(most: usize) -> Self {
        State {
            items: S::default(),
            most,
            closed: false,
            unfinished: 0,
            getters: Waiters::default(),
            putters: Waiters::default(),
            joiners: Waiters::default(),
        }
    }

    /// Takes an item that is not meant for somebody who is on the way; `Some(None)`: closed.
    #[inline]
    fn take(&mut self) -> Option<Option<S::Item>> {
        if self.closed {
            return Some(self.items.pop());
        }
        if self.items.len() <= self.getters.picked() {
            return None;
        }
        let item = self.items.pop();
        self.putters.wake_one();
        Some(item)
    }

    /// Puts the item that is in `from`; `Some(false)`: closed.
    #[inline]
    fn give(&mut self, from: &mut Option<S::Item>) -> Option<bool> {
        if self.closed {
            return Some(false);
        }
        if self.items.len().saturating_add(self.putters.picked()) >= self.most {
            return None;
        }
        if let Some(item) = from.take() {
            self.items.push(item);
            self.unfinished += 1;
            self.getters.wake_one();
        }
        Some(true)
    }
}

impl<S: Store> AnyQueue<S> {
    /// One without bounds.
    pub fn new() -> Self {
        AnyQueue(Ref::new(State::new(usize::MAX)))
    }

    /// One for at most `most` items at a time.
    ///
    /// # Panics
    /// When that is 0: what hands over without holding is a [`Channel`](super::Channel).
    pub fn bounded(most: usize) -> Self {
        assert!(most > 0, "a queue with room for nothing: use a Channel");
        AnyQueue(Ref::new(State::new(most)))
    }
}

impl<S: Store> AnyQueue<S, Shared> {
    /// One without bounds, for several threads.
    pub fn shared() -> Self {
        AnyQueue(Ref::new(State::new(usize::MAX)))
    }

    /// As [`AnyQueue::bounded`], for several threads.
    ///
    /// # Panics
    /// As [`AnyQueue::bounded`].
    pub fn shared_bounded(most: usize) -> Self {
        assert!(most > 0, "a queue with room for nothing: use a Channel");
        AnyQueue(Ref::new(State::new(most)))
    }
}

impl<S: Store> Default for AnyQueue<S> {
    fn default() -> Self {
        AnyQueue::new()
    }
}

impl<S: Store, K: Kind> Clone for AnyQueue<S, K> {
    fn clone(&self) -> Self {
        AnyQueue(self.0.clone())
    }
}

impl<S: Store, K: Kind> AnyQueue<S, K> {
    /// Puts an item, when there is room for it.
    ///
    /// # Errors
    /// The item, when the queue is closed.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could make room.
    #[inline]
    pub fn put(&self, item: S::Item) -> Result<(), Closed<S::Item>> {
        match self.put_until(item, NEVER) {
            Ok(()) => Ok(()),
            Err(PutError::Full(item) | PutError::Closed(item)) => Err(Closed(item)),
        }
    }

    /// As [`AnyQueue::put`], for a limited time.
    ///
    /// # Errors
    /// The item, and why it could not be put.
    pub fn put_timeout(&self, item: S::Item, limit: Duration) -> Result<(), PutError<S::Item>> {
        self.put_until(item, after(limit))
    }

    /// Puts an item if there is room now.
    ///
    /// # Errors
    /// The item, and why it could not be put.
    pub fn try_put(&self, item: S::Item) -> Result<(), PutError<S::Item>> {
        let mut item = Some(item);
        let put = self.0.with(|s| s.give(&mut item));
        match (put, item) {
            (None, Some(item)) => Err(PutError::Full(item)),
            (_, Some(item)) => Err(PutError::Closed(item)),
            (_, None) => Ok(()),
        }
    }

    #[inline]
    fn put_until(&self, item: S::Item, deadline: u64) -> Result<(), PutError<S::Item>> {
        let mut item = Some(item);
        let wait = wait::<K>("room in a queue", deadline);
        let put = wait_until(&self.0, |s| &mut s.putters, |s| s.give(&mut item), wait);
        match (put, item) {
            (Ok(_), None) => Ok(()),
            (Ok(_), Some(item)) => Err(PutError::Closed(item)),
            (Err(Wake::Timeout), Some(item)) => Err(PutError::Full(item)),
            (Err(other), _) => interrupted(other),
        }
    }

    /// Takes the next item, when there is one; `None` when the queue is closed and empty.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could put something.
    #[inline]
    pub fn get(&self) -> Option<S::Item> {
        self.get_until(NEVER).ok()
    }

    /// As [`AnyQueue::get`], for a limited time.
    ///
    /// # Errors
    /// Why there was nothing.
    pub fn get_timeout(&self, limit: Duration) -> Result<S::Item, GetError> {
        self.get_until(after(limit))
    }

    /// Takes the next item if there is one now.
    ///
    /// # Errors
    /// Why there is none.
    pub fn try_get(&self) -> Result<S::Item, GetError> {
        match self.0.with(State::take) {
            Some(Some(item)) => Ok(item),
            Some(None) => Err(GetError::Closed),
            None => Err(GetError::Empty),
        }
    }

    #[inline]
    fn get_until(&self, deadline: u64) -> Result<S::Item, GetError> {
        let wait = wait::<K>("an item of a queue", deadline);
        match wait_until(&self.0, |s| &mut s.getters, State::take, wait) {
            Ok(Some(item)) => Ok(item),
            Ok(None) => Err(GetError::Closed),
            Err(Wake::Timeout) => Err(GetError::Empty),
            Err(other) => interrupted(other),
        }
    }

    /// Takes item after item, waiting for each, until the queue is closed and empty. (`for item in &queue` does the same.)
    pub fn iter(&self) -> Iter<'_, S, K> {
        Iter(self)
    }

    /// Closes it: nothing can be put any more, and what is in it can still be got.
    pub fn close(&self) {
        self.0.with(|s| {
            s.closed = true;
            s.getters.wake_all();
            s.putters.wake_all();
        });
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.0.with(|s| s.closed)
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.0.with(|s| s.items.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        self.0.with(|s| s.items.len() >= s.most)
    }

    /// Says that work on an item that was got is done.
    ///
    /// # Panics
    /// When it is said more often than items were put.
    pub fn task_done(&self) {
        let counted = self.0.with(|s| {
            let counted = s.unfinished > 0;
            s.unfinished -= usize::from(counted);
            if s.unfinished == 0 {
                s.joiners.wake_all();
            }
            counted
        });
        assert!(counted, "task_done() was called more often than items were put");
    }

    /// Waits until every item that was put is reported done.
    ///
    /// ```
    /// use patchall::{sync::Queue, spawn};
    /// let jobs = Queue::new();
    /// spawn({ let jobs = jobs.clone(); move || for job in &jobs {
    ///     println!("working on {job}");
    ///     jobs.task_done();
    /// }});
    /// ["a", "b"].map(|job| jobs.put(job).unwrap());
    /// jobs.join();
    /// assert!(jobs.is_empty());
    /// ```
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could report.
    pub fn join(&self) {
        let done = |s: &mut State<S>| (s.unfinished == 0).then_some(());
        let wait = wait::<K>("the work on a queue's items", NEVER);
        if let Err(other) = wait_until(&self.0, |s| &mut s.joiners, done, wait) {
            interrupted(other);
        }
    }
}

/// See [`AnyQueue::iter`].
pub struct Iter<'a, S: Store, K: Kind>(&'a AnyQueue<S, K>);

impl<S: Store, K: Kind> Iterator for Iter<'_, S, K> {
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        self.0.get()
    }
}

impl<'a, S: Store, K: Kind> IntoIterator for &'a AnyQueue<S, K> {
    type Item = S::Item;
    type IntoIter = Iter<'a, S, K>;

    fn into_iter(self) -> Iter<'a, S, K> {
        self.iter()
    }
}

impl<S: Store, K: Kind> fmt::Debug for AnyQueue<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({} items{})", self.len(), if self.is_closed() { ", closed" } else { "" })
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is closed")
    }
}

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<T> std::error::Error for Closed<T> {}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "the queue is full",
            PutError::Closed(_) => "the queue is closed",
        })
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "Full(..)",
            PutError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> std::error::Error for PutError<T> {}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::Empty => "the queue is empty",
            GetError::Closed => "the queue is closed and empty",
        })
    }
}

impl std::error::Error for GetError {}
