//! Deadlines: one heap of them for all carriers.

use super::heap::{Deadline, Entry, Heap};
use super::state::Wake;
use super::waiter::Waiter;
use super::{carrier, tids};
use crate::mem::Table;
use crate::sys::{self, spin::Spin};
use core::sync::atomic::{AtomicU64, Ordering::*};

/// No deadline.
pub(crate) const NEVER: u64 = u64::MAX;
static ENTRIES: Table<Entry> = Table::new();
static HEAP: Spin<Heap> = Spin::new(Heap::new(&ENTRIES));
/// The earliest deadline.
static NEXT: AtomicU64 = AtomicU64::new(NEVER);

/// Reserves room for so many threads, one entry each.
pub(crate) fn init(threads: usize) -> Result<(), i32> {
    // SAFETY: all-zero is an entry; called once, before there is a second thread.
    unsafe { ENTRIES.reserve(threads) }
}

/// Address space has become scarce: keeps room for `threads`, if the present ones find room in it.
pub(crate) fn trim(threads: usize) {
    // Who found room a moment ago is not counted yet: one thread on each carrier at most.
    if tids::live() + carrier::count() < threads {
        // SAFETY: one entry a thread, and the heap is dense.
        unsafe { ENTRIES.shrink(threads) };
    }
}

/// Gives everything back.
///
/// # Safety
/// There is no thread of the engine's.
pub(crate) unsafe fn give_up() {
    // SAFETY: by contract.
    unsafe { ENTRIES.shrink(0) };
}

/// How many threads there is room for.
pub(crate) fn room() -> usize {
    ENTRIES.len()
}

/// The earliest deadline, [`NEVER`] if there is none.
#[inline(always)]
pub(crate) fn next() -> u64 {
    NEXT.load(SeqCst)
}

fn publish_next(h: &Heap) {
    NEXT.store(h.first().map_or(NEVER, |d| d.at), SeqCst);
}

/// Lets `w`'s park `seq` end at `at`. True: it is now the earliest, and a poller that sleeps longer must be told.
pub(crate) fn add(w: &Waiter, seq: u64, at: u64) -> bool {
    let mut h = HEAP.lock();
    let first = h.add(Deadline { at, seq, waiter: w });
    if first {
        NEXT.store(at, SeqCst);
    }
    first
}

/// Forgets `w`'s deadline, if it has one.
pub(crate) fn remove(w: &Waiter) {
    let mut h = HEAP.lock();
    if h.remove(w) {
        publish_next(&h);
    }
}

/// Wakes every waiter whose deadline has come.
pub(crate) fn expire() {
    if next() == NEVER {
        return;
    }
    let now = sys::monotonic();
    if next() > now {
        return;
    }
    // Whoever holds the lock is at it already, or about to look again.
    let Some(mut h) = HEAP.try_lock() else { return };
    while let Some(d) = h.take_due(now) {
        // SAFETY: waiters in the heap are parts of records, which stay.
        super::wake(unsafe { &*d.waiter }, d.seq, Wake::Timeout);
    }
    publish_next(&h);
}

/// Forgets everything: for the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { HEAP.reset() };
    HEAP.lock().clear();
    NEXT.store(NEVER, SeqCst);
}
