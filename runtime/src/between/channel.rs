//! Handing over from one to another: a rendezvous, and what has the shape of std's `mpsc`.

use super::kind::{Kind, Local, Ref, Shared, wait};
use super::queue::{Closed, GetError, PutError, Queue};
use crate::task::{Guard, NEVER, Waiters, Wake, after, interrupted, wait_until};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};
use std::time::Duration;

/// A rendezvous: who puts waits until somebody has taken the item. Clones mean the same channel. (gevent: `Channel`.)
///
/// ```
/// use patchall::{sync::Channel, spawn};
/// let channel = Channel::new();
/// let giver = spawn({ let channel = channel.clone(); move || channel.put("hello").unwrap() });
/// assert_eq!(channel.get(), Some("hello"));
/// giver.join().unwrap();
/// ```
pub struct Channel<T, K: Kind = Local>(Ref<State<T>, K>);

struct State<T> {
    item: Option<T>,
    /// The number of the item that was put last, and of the one that is gone.
    put: u64,
    taken: u64,
    closed: bool,
    putters: Waiters,
    getters: Waiters,
    /// The one whose item is there waits here.
    giver: Waiters,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        State {
            item: None,
            put: 0,
            taken: 0,
            closed: false,
            putters: Waiters::default(),
            getters: Waiters::default(),
            giver: Waiters::default(),
        }
    }
}

impl<T> State<T> {
    /// Puts the item that is in `from` where one takes it, and gives its number; `Some(None)`: closed.
    fn offer(&mut self, from: &mut Option<T>) -> Option<Option<u64>> {
        if self.closed {
            return Some(None);
        }
        if self.item.is_some() || self.putters.picked() > 0 {
            return None;
        }
        self.item = from.take();
        self.put += 1;
        self.getters.wake_one();
        Some(Some(self.put))
    }

    /// Takes the item; `Some(None)`: closed.
    fn take(&mut self) -> Option<Option<T>> {
        if self.closed {
            return Some(None);
        }
        if self.getters.picked() > 0 {
            return None;
        }
        let item = self.item.take()?;
        self.gone();
        Some(Some(item))
    }

    /// Gives item `number` back to who offered it, if it is still there.
    fn take_back(&mut self, number: u64) -> Option<T> {
        if self.taken >= number {
            return None;
        }
        let item = self.item.take();
        self.gone();
        item
    }

    /// The place is free for the next.
    fn gone(&mut self) {
        self.taken = self.put;
        self.giver.wake_all();
        self.putters.wake_one();
    }
}

impl<T> Channel<T> {
    /// A new one.
    pub fn new() -> Self {
        Channel(Ref::new(State::default()))
    }
}

impl<T> Channel<T, Shared> {
    /// A new one, for several threads.
    pub fn shared() -> Self {
        Channel(Ref::new(State::default()))
    }
}

impl<T> Default for Channel<T> {
    fn default() -> Self {
        Channel::new()
    }
}

impl<T, K: Kind> Clone for Channel<T, K> {
    fn clone(&self) -> Self {
        Channel(self.0.clone())
    }
}

impl<T, K: Kind> Channel<T, K> {
    /// Hands over an item; returns when somebody has taken it.
    ///
    /// # Errors
    /// The item, when the channel is closed.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could take it.
    pub fn put(&self, item: T) -> Result<(), Closed<T>> {
        self.put_until(item, NEVER).map_err(|(PutError::Full(item) | PutError::Closed(item))| Closed(item))
    }

    /// As [`Channel::put`], for a limited time.
    ///
    /// # Errors
    /// The item, and why it was not taken.
    pub fn put_timeout(&self, item: T, limit: Duration) -> Result<(), PutError<T>> {
        self.put_until(item, after(limit))
    }

    fn put_until(&self, item: T, deadline: u64) -> Result<(), PutError<T>> {
        let mut item = Some(item);
        let wait = wait::<K>("somebody to take an item", deadline);
        let number = match wait_until(&self.0, |s| &mut s.putters, |s| s.offer(&mut item), wait) {
            Ok(number) => number,
            Err(Wake::Timeout) => return item.map_or(Ok(()), |item| Err(PutError::Full(item))),
            Err(other) => interrupted(other),
        };
        let Some(number) = number else {
            return item.map_or(Ok(()), |item| Err(PutError::Closed(item)));
        };
        let over = |s: &mut State<T>| (s.taken >= number || s.closed).then_some(());
        let ended = wait_until(&self.0, |s| &mut s.giver, over, wait);
        let back = self.0.with(|s| s.take_back(number));
        match (ended, back) {
            (_, None) => Ok(()),
            (Ok(()), Some(item)) => Err(PutError::Closed(item)),
            (Err(Wake::Timeout), Some(item)) => Err(PutError::Full(item)),
            (Err(other), Some(_)) => interrupted(other),
        }
    }

    /// Takes an item, when there is one; `None` when the channel is closed.
    ///
    /// # Panics
    /// Unwinds when the coroutine is killed; panics when nobody is left who could put something.
    pub fn get(&self) -> Option<T> {
        self.get_until(NEVER).ok()
    }

    /// As [`Channel::get`], for a limited time.
    ///
    /// # Errors
    /// Why there was nothing.
    pub fn get_timeout(&self, limit: Duration) -> Result<T, GetError> {
        self.get_until(after(limit))
    }

    fn get_until(&self, deadline: u64) -> Result<T, GetError> {
        let wait = wait::<K>("an item of a channel", deadline);
        match wait_until(&self.0, |s| &mut s.getters, State::take, wait) {
            Ok(Some(item)) => Ok(item),
            Ok(None) => Err(GetError::Closed),
            Err(Wake::Timeout) => Err(GetError::Empty),
            Err(other) => interrupted(other),
        }
    }

    /// Takes item after item, until the channel is closed.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.get())
    }

    /// Closes it: who puts gets the item back, and who gets is told.
    pub fn close(&self) {
        self.0.with(|s| {
            s.closed = true;
            s.getters.wake_all();
            s.putters.wake_all();
            s.giver.wake_all();
        });
    }
}

impl<T, K: Kind> fmt::Debug for Channel<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Channel")
    }
}

/// The sending half of [`channel`]. When the last one is dropped, the receiver is told once it has got everything.
pub struct Sender<T, K: Kind = Local> {
    queue: Queue<T, K>,
    _last: K::Ptr<Last<T, K>>,
}

/// The receiving half of [`channel`]. When it is dropped, senders are told.
pub struct Receiver<T, K: Kind = Local>(Queue<T, K>);

/// Closes the queue when the last sender is gone.
struct Last<T, K: Kind>(Queue<T, K>);

impl<T, K: Kind> Drop for Last<T, K> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A queue in the shape of [`std::sync::mpsc::channel`], for coroutines of one thread.
///
/// ```
/// let (sender, receiver) = patchall::sync::channel();
/// patchall::spawn(move || (0..3).for_each(|i| sender.send(i).unwrap()));
/// assert_eq!(receiver.iter().collect::<Vec<i32>>(), [0, 1, 2]);
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    halves(Queue::new(), Rc::new)
}

/// As [`channel`], bounded: [`std::sync::mpsc::sync_channel`].
///
/// # Panics
/// When the bound is 0; a rendezvous is a [`Channel`].
pub fn sync_channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    halves(Queue::bounded(bound), Rc::new)
}

/// As [`channel`], between threads.
///
/// ```
/// let (sender, receiver) = patchall::sync::shared_channel();
/// std::thread::spawn(move || sender.send("from another thread").unwrap());
/// assert_eq!(receiver.recv(), Ok("from another thread"));
/// ```
pub fn shared_channel<T>() -> (Sender<T, Shared>, Receiver<T, Shared>) {
    halves(Queue::shared(), Arc::new)
}

fn halves<T, K: Kind>(
    queue: Queue<T, K>,
    pointer: impl FnOnce(Last<T, K>) -> K::Ptr<Last<T, K>>,
) -> (Sender<T, K>, Receiver<T, K>) {
    (Sender { queue: queue.clone(), _last: pointer(Last(queue.clone())) }, Receiver(queue))
}

impl<T, K: Kind> Clone for Sender<T, K> {
    fn clone(&self) -> Self {
        Sender { queue: self.queue.clone(), _last: self._last.clone() }
    }
}

impl<T, K: Kind> Sender<T, K> {
    /// Sends; waits for room if the channel is bounded.
    ///
    /// # Errors
    /// The value, when the receiver is gone.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.queue.put(value).map_err(|Closed(value)| SendError(value))
    }

    /// Sends if there is room now.
    ///
    /// # Errors
    /// The value, and why it could not be sent.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.queue.try_put(value).map_err(|e| match e {
            PutError::Full(value) => TrySendError::Full(value),
            PutError::Closed(value) => TrySendError::Disconnected(value),
        })
    }
}

impl<T, K: Kind> Receiver<T, K> {
    /// Waits for the next value.
    ///
    /// # Errors
    /// All senders are gone, and there is nothing left.
    pub fn recv(&self) -> Result<T, RecvError> {
        self.0.get().ok_or(RecvError)
    }

    /// As [`Receiver::recv`], for a limited time.
    ///
    /// # Errors
    /// Why there was nothing.
    pub fn recv_timeout(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
        self.0.get_timeout(limit).map_err(|e| match e {
            GetError::Empty => RecvTimeoutError::Timeout,
            GetError::Closed => RecvTimeoutError::Disconnected,
        })
    }

    /// The next value, if there is one now.
    ///
    /// # Errors
    /// Why there is none.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.0.try_get().map_err(|e| match e {
            GetError::Empty => TryRecvError::Empty,
            GetError::Closed => TryRecvError::Disconnected,
        })
    }

    /// Takes value after value, until all senders are gone.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.recv().ok())
    }
}

impl<T, K: Kind> Drop for Receiver<T, K> {
    fn drop(&mut self) {
        self.0.close();
        // What nobody will get is dropped now.
        while self.0.try_get().is_ok() {}
    }
}

impl<T, K: Kind> fmt::Debug for Sender<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

impl<T, K: Kind> fmt::Debug for Receiver<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}
