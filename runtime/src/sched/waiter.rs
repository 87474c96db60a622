//! What a wait is made of: the state word, and the nodes by which wakers find the waiter.
//!
//! The nodes are intrusive, so waiting allocates nothing. A waiter is in at most one futex bucket and in the timer heap at
//! most once. A wait on several futex words (abi/futex/several.rs) has a node for each word, which stands for the thread's.

use super::state::State;
use crate::sync::AtomicUsize;
use core::cell::Cell;

/// Something that waits: embedded in a [`Thread`](super::thread::Thread). All-zero: it waits for nothing.
#[repr(C)]
pub(crate) struct Waiter {
    /// The protocol.
    pub state: State,
    /// Place in the timer heap plus one; 0 when it is not there. Under the heap's lock.
    pub(crate) timer: Cell<u32>,
    /// `FUTEX_WAIT_BITSET`'s bits. Under the bucket's lock.
    pub(crate) futex_bits: Cell<u32>,
    /// The futex word waited on, 0 when in no bucket. Changed under the lock of the bucket it names.
    pub(crate) futex: AtomicUsize,
    /// The park in question. Under the bucket's lock.
    pub(crate) futex_seq: Cell<u64>,
    /// Neighbours in the bucket. Under its lock.
    pub(crate) futex_next: Cell<*const Waiter>,
    /// As above.
    pub(crate) futex_prev: Cell<*const Waiter>,
    /// Of a node of a wait on several words, which is no thread's own: the waiter it stands for. Null: itself.
    pub(crate) stands_for: Cell<*const Waiter>,
    /// Its place among them.
    pub(crate) word: Cell<u8>,
}

#[cfg(test)]
impl Waiter {
    /// One that waits for nothing.
    pub(crate) fn idle() -> Self {
        use core::ptr::null;
        Waiter {
            state: State::default(),
            timer: Cell::new(0),
            futex_bits: Cell::new(0),
            futex: AtomicUsize::new(0),
            futex_seq: Cell::new(0),
            futex_next: Cell::new(null()),
            futex_prev: Cell::new(null()),
            stands_for: Cell::new(null()),
            word: Cell::new(0),
        }
    }
}
