//! Several coroutines as one: `Group`, and `Pool`, which has a limit.

use super::queue::Queue;
use super::semaphore::Semaphore;
use crate::task::{JoinHandle, ScopedJoinHandle, scope, spawn};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::thread::Result;

/// Coroutines that are joined or killed together. Clones mean the same group. (gevent: `Group`.)
///
/// ```
/// let group = patchall::sync::Group::new();
/// for i in 0..3 {
///     group.spawn(move || println!("{i}"));
/// }
/// group.join();
/// assert!(group.is_empty());
/// ```
#[derive(Clone, Default)]
pub struct Group(Rc<RefCell<Vec<Rc<JoinHandle<()>>>>>);

impl Group {
    /// An empty one.
    pub fn new() -> Group {
        Group::default()
    }

    /// Starts a coroutine in the group.
    ///
    /// # Panics
    /// As [`spawn`].
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let handle = spawn(f);
        let mut all = self.0.borrow_mut();
        if all.len() == all.capacity() {
            all.retain(|h| !h.is_finished());
        }
        all.push(Rc::new(handle.watch()));
        handle
    }

    /// Waits until all have ended, those that are started meanwhile included. What they panicked with is in their handles.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when they can never end.
    pub fn join(&self) {
        loop {
            let next = self.0.borrow().iter().find(|h| !h.is_finished()).cloned();
            let Some(next) = next else { break };
            next.finish();
        }
        self.0.borrow_mut().clear();
    }

    /// Kills all.
    pub fn kill(&self) {
        let all = self.0.borrow().clone();
        all.iter().for_each(|h| h.kill());
    }

    /// How many have not ended.
    pub fn len(&self) -> usize {
        self.0.borrow().iter().filter(|h| !h.is_finished()).count()
    }

    /// Whether all have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({} coroutines)", self.len())
    }
}

/// A group of at most so many: to start one more waits until another has ended. Clones mean the same pool. (gevent: `Pool`.)
///
/// ```
/// use patchall::sync::Pool;
/// let pool = Pool::new(2);
/// assert_eq!(pool.map(1..=4, |i| i * i), [1, 4, 9, 16]);
/// ```
#[derive(Clone, Debug)]
pub struct Pool {
    group: Group,
    places: Semaphore,
}

impl Pool {
    /// One for `size` coroutines.
    ///
    /// # Panics
    /// When that is 0.
    pub fn new(size: usize) -> Pool {
        assert!(size > 0, "a pool without room for a single coroutine");
        Pool { group: Group::new(), places: Semaphore::new(size) }
    }

    /// Starts a coroutine as soon as there is room.
    ///
    /// # Panics
    /// As [`spawn`] and [`Semaphore::acquire`].
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let place = self.places.permit();
        self.group.spawn(move || {
            let _place = place;
            f()
        })
    }

    /// Calls `f` with each item, in a coroutine each, and gives the results in the order of the items.
    ///
    /// # Panics
    /// As `f` does.
    pub fn map<I, F, R>(&self, items: I, f: F) -> Vec<R>
    where
        I: IntoIterator,
        F: Fn(I::Item) -> R,
    {
        let f = &f;
        scope(|s| {
            let start = |item| {
                let place = self.places.permit();
                s.spawn(move || {
                    let _place = place;
                    f(item)
                })
            };
            let all: Vec<ScopedJoinHandle<'_, R>> = items.into_iter().map(start).collect();
            all.into_iter().map(|c| c.join().unwrap_or_else(|payload| resume_unwind(payload))).collect()
        })
    }

    /// As [`Pool::map`], giving each result as soon as it and all before it are there.
    ///
    /// ```
    /// let pool = patchall::sync::Pool::new(2);
    /// let squares: Vec<i32> = pool.imap(1..=3, |i| i * i).collect();
    /// assert_eq!(squares, [1, 4, 9]);
    /// ```
    pub fn imap<I, F, R>(&self, items: I, f: F) -> impl Iterator<Item = R> + use<I, F, R>
    where
        I: IntoIterator + 'static,
        F: Fn(I::Item) -> R + 'static,
        R: 'static,
    {
        let results = self.feed(items, f);
        let mut early = BTreeMap::new();
        let mut next = 0;
        std::iter::from_fn(move || {
            while !early.contains_key(&next) {
                let (i, result) = results.get()?;
                early.insert(i, result);
            }
            next += 1;
            early.remove(&(next - 1)).map(|r| r.unwrap_or_else(|payload| resume_unwind(payload)))
        })
    }

    /// As [`Pool::map`], giving the results as they come.
    ///
    /// ```
    /// use patchall::{sleep, sync::Pool};
    /// use std::time::Duration;
    /// let naps = Pool::new(3).imap_unordered([30, 10, 20], |ms| { sleep(Duration::from_millis(ms)); ms });
    /// assert_eq!(naps.collect::<Vec<u64>>(), [10, 20, 30]);
    /// ```
    pub fn imap_unordered<I, F, R>(&self, items: I, f: F) -> impl Iterator<Item = R> + use<I, F, R>
    where
        I: IntoIterator + 'static,
        F: Fn(I::Item) -> R + 'static,
        R: 'static,
    {
        let results = self.feed(items, f);
        std::iter::from_fn(move || results.get().map(|(_, r)| r.unwrap_or_else(|payload| resume_unwind(payload))))
    }

    /// Starts a coroutine that starts one for each item; the results come out of the queue.
    fn feed<I, F, R>(&self, items: I, f: F) -> Queue<(usize, Result<R>)>
    where
        I: IntoIterator + 'static,
        F: Fn(I::Item) -> R + 'static,
        R: 'static,
    {
        let (results, pool, f) = (Queue::new(), self.clone(), Rc::new(f));
        let into = results.clone();
        spawn(move || {
            let mut all = Vec::new();
            for (i, item) in items.into_iter().enumerate() {
                let (f, into) = (f.clone(), into.clone());
                let worker = pool.spawn(move || f(item));
                worker.hand_over(move |r| drop(into.put((i, r))));
                all.push(worker.watch());
                all.retain(|w| !w.is_finished());
            }
            all.iter().for_each(JoinHandle::finish);
            into.close();
        });
        results
    }

    /// Waits until all have ended; see [`Group::join`].
    ///
    /// # Panics
    /// As [`Group::join`].
    pub fn join(&self) {
        self.group.join();
    }

    /// Kills all.
    pub fn kill(&self) {
        self.group.kill();
    }

    /// How many have not ended.
    pub fn len(&self) -> usize {
        self.group.len()
    }

    /// Whether all have ended.
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// How many could be started without waiting.
    pub fn free_count(&self) -> usize {
        self.places.available()
    }
}
