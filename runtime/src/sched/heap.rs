//! The order of deadlines: a 4-ary heap of (time, park), in which each waiter knows its place.
//!
//! So the common case, a wait that ends before its deadline, takes it out in logarithmic time. The heap lies in reserved
//! memory with room for every thread there can be: adding allocates nothing. Its lock is its user's.

use super::waiter::Waiter;
use crate::mem::Table;
use crate::sys;
use core::cell::Cell;

/// Children of a node.
const ARITY: usize = 4;

/// Room for one deadline.
pub(super) struct Entry(Cell<Deadline>);
// SAFETY: touched through a `&mut Heap` only.
unsafe impl Sync for Entry {}

/// A park that ends at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: u64,
    pub(super) seq: u64,
    pub(super) waiter: *const Waiter,
}

/// See the header.
pub(super) struct Heap {
    entries: &'static Table<Entry>,
    len: usize,
}
// SAFETY: the pointers are followed through a `&mut Heap` only.
unsafe impl Send for Heap {}

impl Heap {
    /// An empty one in this room.
    pub(super) const fn new(entries: &'static Table<Entry>) -> Self {
        Heap { entries, len: 0 }
    }

    /// The earliest deadline.
    pub(super) fn first(&self) -> Option<Deadline> {
        (self.len > 0).then(|| self.get(0))
    }

    /// Adds one for a waiter that has none. True: it is the earliest.
    pub(super) fn add(&mut self, d: Deadline) -> bool {
        self.len += 1;
        self.sift_up(self.len - 1, d) == 0
    }

    /// Takes a waiter's deadline out, if it has one. True: it was the earliest.
    pub(super) fn remove(&mut self, w: &Waiter) -> bool {
        let place = w.timer.get() as usize;
        if place > 0 {
            self.remove_at(place - 1);
        }
        place == 1
    }

    /// Takes the earliest out if it is not later than `now`.
    pub(super) fn take_due(&mut self, now: u64) -> Option<Deadline> {
        let d = self.first().filter(|d| d.at <= now)?;
        self.remove_at(0);
        Some(d)
    }

    /// Forgets everything, waiters' places too late: for the child of a fork, where there are none.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    fn entry(&self, i: usize) -> &'static Cell<Deadline> {
        match self.entries.get(i) {
            Some(e) => &e.0,
            None => sys::die("timer heap index out of range"),
        }
    }

    fn get(&self, i: usize) -> Deadline {
        self.entry(i).get()
    }

    fn put(&mut self, i: usize, d: Deadline) {
        self.entry(i).set(d);
        // SAFETY: waiters in the heap are parts of records, which stay.
        unsafe { (*d.waiter).timer.set(i as u32 + 1) };
    }

    /// Puts `d` at `i` or above; where it came to be.
    fn sift_up(&mut self, mut i: usize, d: Deadline) -> usize {
        while i > 0 {
            let parent = (i - 1) / ARITY;
            let p = self.get(parent);
            if p.at <= d.at {
                break;
            }
            self.put(i, p);
            i = parent;
        }
        self.put(i, d);
        i
    }

    /// Puts `d` at `i` or below.
    fn sift_down(&mut self, mut i: usize, d: Deadline) {
        loop {
            let first = i * ARITY + 1;
            let children = first..(first + ARITY).min(self.len);
            let Some(least) = children.min_by_key(|c| self.get(*c).at) else { break };
            let child = self.get(least);
            if child.at >= d.at {
                break;
            }
            self.put(i, child);
            i = least;
        }
        self.put(i, d);
    }

    fn remove_at(&mut self, i: usize) {
        // SAFETY: as in `put`.
        unsafe { (*self.get(i).waiter).timer.set(0) };
        self.len -= 1;
        if i == self.len {
            return;
        }
        let last = self.get(self.len);
        if i > 0 && self.get((i - 1) / ARITY).at > last.at {
            self.sift_up(i, last);
        } else {
            self.sift_down(i, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cases;

    fn heap(room: usize) -> Heap {
        let table: &'static Table<Entry> = Box::leak(Box::new(Table::new()));
        // SAFETY: zero is an entry; nobody else knows the table.
        unsafe { table.reserve(room) }.expect("memory");
        Heap::new(table)
    }

    /// Every waiter's place is that of its deadline, and no child is earlier than its parent.
    fn assert_sound(h: &Heap) {
        for i in 0..h.len {
            let d = h.get(i);
            // SAFETY: the test's waiters stay.
            assert_eq!(unsafe { (*d.waiter).timer.get() } as usize, i + 1);
            assert!(i == 0 || h.get((i - 1) / ARITY).at <= d.at);
        }
    }

    #[test]
    fn deadlines_come_out_in_order_whatever_was_removed() {
        cases(300, |random| {
            let waiters: Vec<Waiter> = (0..random.below(60) + 1).map(|_| Waiter::idle()).collect();
            let mut expected: Vec<Option<u64>> = vec![None; waiters.len()];
            let mut h = heap(waiters.len());
            for _ in 0..300 {
                let i = random.below(waiters.len());
                let w = &waiters[i];
                let earliest = expected.iter().flatten().min().copied();
                match (random.below(4), expected[i]) {
                    (0 | 1, None) => {
                        // Few values, so that many are equal.
                        let at = random.below(40) as u64;
                        assert_eq!(h.add(Deadline { at, seq: i as u64, waiter: w }), earliest.is_none_or(|e| at < e));
                        expected[i] = Some(at);
                    }
                    (2, had) => {
                        let first = h.first().is_some_and(|d| std::ptr::eq(d.waiter, w));
                        assert_eq!(h.remove(w), first);
                        assert!(had.is_some() || !first);
                        expected[i] = None;
                    }
                    (3, _) => {
                        let now = random.below(40) as u64;
                        let due = h.take_due(now);
                        assert_eq!(due.map(|d| d.at), earliest.filter(|e| *e <= now));
                        if let Some(d) = due {
                            assert_eq!(expected[d.seq as usize].take(), Some(d.at));
                        }
                    }
                    _ => {}
                }
                assert_sound(&h);
                assert_eq!(h.len, expected.iter().flatten().count());
            }
            let mut rest: Vec<u64> = expected.into_iter().flatten().collect();
            rest.sort_unstable();
            let taken: Vec<u64> = std::iter::from_fn(|| h.take_due(u64::MAX)).map(|d| d.at).collect();
            assert_eq!(taken, rest);
            assert!(waiters.iter().all(|w| w.timer.get() == 0));
        });
    }
}
