//! Deadlines: a heap of those who wait, the earliest on top.
//!
//! Whoever waits knows its place in the heap, so that a deadline that did not come is taken out without a search. Room is
//! made when a coroutine is made ([`Timers::reserve`]); after that nothing here allocates.

use std::cell::Cell;
use std::rc::Rc;

/// What can be put into [`Timers`].
pub(super) trait Waits {
    /// Its place in the heap, for the heap's own use; 0: none.
    fn place(&self) -> &Cell<u32>;
    /// Decides among equal deadlines: the smaller first.
    fn rank(&self) -> u64;
}

/// See the header.
pub(super) struct Timers<T> {
    heap: Vec<(u64, Rc<T>)>,
}

impl<T: Waits> Timers<T> {
    pub(super) const fn new() -> Self {
        Timers { heap: Vec::new() }
    }

    /// Makes room for `count` in all.
    pub(super) fn reserve(&mut self, count: usize) {
        self.heap.reserve(count.saturating_sub(self.heap.len()));
    }

    /// The earliest deadline.
    pub(super) fn first(&self) -> Option<u64> {
        self.heap.first().map(|e| e.0)
    }

    /// Puts one in that is not in it.
    pub(super) fn insert(&mut self, deadline: u64, who: Rc<T>) {
        debug_assert_eq!(who.place().get(), 0);
        self.heap.push((deadline, who));
        self.up(self.heap.len() - 1);
    }

    /// Takes one out, if it is in it.
    pub(super) fn remove(&mut self, who: &T) {
        let place = who.place().replace(0) as usize;
        if place == 0 {
            return;
        }
        self.heap.swap_remove(place - 1);
        if place <= self.heap.len() {
            let settled = self.up(place - 1);
            self.down(settled);
        }
    }

    /// Takes out the first, if its deadline is not after `now`.
    pub(super) fn due(&mut self, now: u64) -> Option<Rc<T>> {
        let who = self.heap.first().filter(|e| e.0 <= now)?.1.clone();
        self.remove(&who);
        Some(who)
    }

    /// Takes all out.
    pub(super) fn clear(&mut self) {
        self.heap.iter().for_each(|e| e.1.place().set(0));
        self.heap.clear();
    }

    fn before(&self, a: usize, b: usize) -> bool {
        let ((ta, a), (tb, b)) = (&self.heap[a], &self.heap[b]);
        ta < tb || (ta == tb && a.rank() < b.rank())
    }

    fn settle(&self, i: usize) {
        self.heap[i].1.place().set(i as u32 + 1);
    }

    /// Moves an entry up to where it belongs, and says where that is.
    fn up(&mut self, mut i: usize) -> usize {
        while i > 0 && self.before(i, (i - 1) / 2) {
            self.heap.swap(i, (i - 1) / 2);
            self.settle(i);
            i = (i - 1) / 2;
        }
        self.settle(i);
        i
    }

    fn down(&mut self, mut i: usize) {
        loop {
            let mut least = i;
            for child in [2 * i + 1, 2 * i + 2] {
                if child < self.heap.len() && self.before(child, least) {
                    least = child;
                }
            }
            if least == i {
                return self.settle(i);
            }
            self.heap.swap(i, least);
            self.settle(i);
            i = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Timers, Waits};
    use std::cell::Cell;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    struct Waiter(u64, Cell<u32>);

    impl Waits for Waiter {
        fn place(&self) -> &Cell<u32> {
            &self.1
        }

        fn rank(&self) -> u64 {
            self.0
        }
    }

    /// Against a sorted map, over many random histories (xorshift, fixed seeds).
    #[test]
    fn the_heap_agrees_with_a_sorted_map() {
        let rounds = if cfg!(miri) { 2 } else { 100 };
        for seed in 1..=rounds {
            let mut x = seed as u64 * 0x9e37_79b9_7f4a_7c15;
            let mut random = move |n: u64| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                x % n
            };
            let waiters: Vec<_> = (0..50).map(|i| Rc::new(Waiter(i, Cell::new(0)))).collect();
            let mut timers = Timers::new();
            let mut model = BTreeMap::new();
            let mut when = [None; 50];
            for _ in 0..500 {
                let i = random(50) as usize;
                match random(3) {
                    0 if when[i].is_none() => {
                        let at = random(40);
                        when[i] = Some(at);
                        model.insert((at, i), ());
                        timers.insert(at, waiters[i].clone());
                    }
                    1 => {
                        timers.remove(&waiters[i]);
                        if let Some(at) = when[i].take() {
                            model.remove(&(at, i));
                        }
                    }
                    _ => {
                        let now = random(40);
                        let expected = model.first_key_value().map(|(k, _)| *k).filter(|k| k.0 <= now);
                        assert_eq!(timers.due(now).map(|w| w.0 as usize), expected.map(|k| k.1));
                        if let Some(k) = expected {
                            model.remove(&k);
                            when[k.1] = None;
                        }
                    }
                }
                assert_eq!(timers.first(), model.first_key_value().map(|(k, _)| k.0));
            }
        }
    }
}
