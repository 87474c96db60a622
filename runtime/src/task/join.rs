//! Joining several coroutines.

use super::{Event, JoinHandle, after, local};
use crate::sys;
use std::collections::VecDeque;
use std::time::Duration;

/// Joins all of them; the results are in the order of the handles. (gevent: `joinall`.)
///
/// ```
/// let squares = patchall::join_all((1..4).map(|i| patchall::spawn(move || i * i)));
/// let squares: Vec<i32> = squares.into_iter().map(|r| r.unwrap()).collect();
/// assert_eq!(squares, [1, 4, 9]);
/// ```
pub fn join_all<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<std::thread::Result<T>> {
    // All are started before the first is waited for.
    let handles: Vec<_> = handles.into_iter().collect();
    handles.into_iter().map(JoinHandle::join).collect()
}

/// Joins all that end within a time; the handles of the others come back.
///
/// ```
/// use patchall::{join_all_timeout, sleep, spawn};
/// use std::time::Duration;
/// let all = [0, 1000].map(|s| spawn(move || sleep(Duration::from_secs(s))));
/// let [quick, slow] = join_all_timeout(all, Duration::from_millis(20)).try_into().unwrap();
/// assert!(quick.is_ok());
/// slow.unwrap_err().kill();
/// ```
pub fn join_all_timeout<T>(
    handles: impl IntoIterator<Item = JoinHandle<T>>,
    limit: Duration,
) -> Vec<Result<std::thread::Result<T>, JoinHandle<T>>> {
    let deadline = after(limit);
    let handles: Vec<_> = handles.into_iter().collect();
    let left = || Duration::from_nanos(deadline.saturating_sub(sys::monotonic()));
    handles.into_iter().map(|h| h.join_timeout(left())).collect()
}

/// Gives the coroutines in the order in which they end; each is finished, so that its `join` does not wait. (gevent: `iwait`.)
///
/// ```
/// use patchall::{select_finished, sleep, spawn};
/// use std::time::Duration;
/// let all = [30, 10, 20].map(|ms| spawn(move || { sleep(Duration::from_millis(ms)); ms }));
/// let order: Vec<u64> = select_finished(all).map(|c| c.join().unwrap()).collect();
/// assert_eq!(order, [10, 20, 30]);
/// ```
pub fn select_finished<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> SelectFinished<T> {
    let ended = Ended::default();
    let handles: Vec<_> = handles.into_iter().map(Some).collect();
    let left = handles.len();
    for (i, handle) in handles.iter().flatten().enumerate() {
        let note = ended.clone();
        let note = move || {
            note.order.borrow_mut().push_back(i);
            note.event.set();
        };
        if handle.is_finished() {
            note();
        } else {
            handle.task().with_extra(|e| e.on_finish.push(Box::new(note)));
        }
    }
    SelectFinished { handles, ended, left }
}

#[derive(Clone, Default)]
struct Ended {
    order: std::rc::Rc<std::cell::RefCell<VecDeque<usize>>>,
    event: Event,
}

/// See [`select_finished`].
pub struct SelectFinished<T> {
    handles: Vec<Option<JoinHandle<T>>>,
    ended: Ended,
    left: usize,
}

impl<T> Iterator for SelectFinished<T> {
    type Item = JoinHandle<T>;

    /// # Panics
    /// When none of those that are left can ever end.
    fn next(&mut self) -> Option<JoinHandle<T>> {
        if self.left == 0 {
            return None;
        }
        loop {
            let next = self.ended.order.borrow_mut().pop_front();
            if let Some(handle) = next.and_then(|i| self.handles[i].take()) {
                self.left -= 1;
                // The note is written while it ends.
                while !handle.is_finished() {
                    local::own().yield_now();
                }
                return Some(handle);
            }
            self.ended.event.clear();
            self.ended.event.wait();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
