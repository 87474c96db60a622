//! Deadlines: one 4-ary heap of (time, waiter) for all carriers.
//!
//! Each waiter knows its place, so that the common case, a wait that ends before its deadline, removes it in logarithmic
//! time. The heap lies in reserved memory with room for every thread there can be: adding allocates nothing.

use super::state::Wake;
use super::waiter::Waiter;
use crate::mem::Table;
use crate::sys::{self, spin::Spin};
use core::cell::Cell;

use core::sync::atomic::{AtomicU64, Ordering::*};

/// No deadline.
pub(crate) const NEVER: u64 = u64::MAX;
/// Children of a node.
const ARITY: usize = 4;

struct Entry {
    at: Cell<u64>,
    seq: Cell<u64>,
    waiter: Cell<*const Waiter>,
}
// SAFETY: touched under the lock only.
unsafe impl Sync for Entry {}

static ENTRIES: Table<Entry> = Table::new();
static LEN: Spin<usize> = Spin::new(0);
/// The earliest deadline.
static NEXT: AtomicU64 = AtomicU64::new(NEVER);

/// Reserves room for so many threads, one entry each.
pub(crate) fn init(threads: usize) -> Result<(), i32> {
    // SAFETY: all-zero is an entry; called once, before there is a second thread.
    unsafe { ENTRIES.reserve(threads) }
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

fn entry(i: usize) -> &'static Entry {
    match ENTRIES.get(i) {
        Some(e) => e,
        None => sys::die("timer heap index out of range"),
    }
}

fn put(i: usize, at: u64, seq: u64, w: *const Waiter) {
    let e = entry(i);
    e.at.set(at);
    e.seq.set(seq);
    e.waiter.set(w);
    // SAFETY: waiters in the heap are parts of records, which stay.
    unsafe { (*w).timer.set(i as u32 + 1) };
}

fn sift_up(mut i: usize, at: u64, seq: u64, w: *const Waiter) {
    while i > 0 {
        let parent = (i - 1) / ARITY;
        let p = entry(parent);
        if p.at.get() <= at {
            break;
        }
        put(i, p.at.get(), p.seq.get(), p.waiter.get());
        i = parent;
    }
    put(i, at, seq, w);
}

fn sift_down(mut i: usize, len: usize, at: u64, seq: u64, w: *const Waiter) {
    loop {
        let first = i * ARITY + 1;
        if first >= len {
            break;
        }
        let last = (first + ARITY).min(len);
        let mut least = first;
        for c in first + 1..last {
            if entry(c).at.get() < entry(least).at.get() {
                least = c;
            }
        }
        let e = entry(least);
        if e.at.get() >= at {
            break;
        }
        put(i, e.at.get(), e.seq.get(), e.waiter.get());
        i = least;
    }
    put(i, at, seq, w);
}

fn remove_at(len: &mut usize, i: usize) {
    let e = entry(i);
    // SAFETY: as in `put`.
    unsafe { (*e.waiter.get()).timer.set(0) };
    *len -= 1;
    if i == *len {
        return;
    }
    let l = entry(*len);
    let (at, seq, w) = (l.at.get(), l.seq.get(), l.waiter.get());
    if i > 0 && entry((i - 1) / ARITY).at.get() > at {
        sift_up(i, at, seq, w);
    } else {
        sift_down(i, *len, at, seq, w);
    }
}

fn publish_next(len: usize) {
    NEXT.store(if len == 0 { NEVER } else { entry(0).at.get() }, SeqCst);
}

/// Lets `w`'s park `seq` end at `at`. True: it is now the earliest, and a poller that sleeps longer must be told.
pub(crate) fn add(w: &Waiter, seq: u64, at: u64) -> bool {
    let mut len = LEN.lock();
    let i = *len;
    *len += 1;
    sift_up(i, at, seq, w);
    let first = w.timer.get() == 1;
    if first {
        NEXT.store(at, SeqCst);
    }
    first
}

/// Forgets `w`'s deadline, if it has one.
pub(crate) fn remove(w: &Waiter) {
    let mut len = LEN.lock();
    let i = w.timer.get() as usize;
    if i > 0 {
        remove_at(&mut len, i - 1);
        if i == 1 {
            publish_next(*len);
        }
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
    let Some(mut len) = LEN.try_lock() else { return };
    while *len > 0 && entry(0).at.get() <= now {
        let (w, seq) = (entry(0).waiter.get(), entry(0).seq.get());
        remove_at(&mut len, 0);
        // SAFETY: as in `put`.
        super::wake(unsafe { &*w }, seq, Wake::Timeout);
    }
    publish_next(*len);
}

/// Forgets everything: for the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { LEN.reset() };
    *LEN.lock() = 0;
    NEXT.store(NEVER, SeqCst);
}
