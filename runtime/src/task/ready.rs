//! Who is ready: first in, first out; those of a higher priority before all others.
//!
//! The queue of priority 0, which is the only one in most programs, lies in the structure itself: each load on the way to the
//! next coroutine is one that a switch waits for. Room is made when a coroutine is made ([`Ready::reserve`]); after that
//! nothing here allocates.

use std::collections::VecDeque;

struct Level<T> {
    priority: i32,
    queue: VecDeque<T>,
}

/// See the header.
pub(super) struct Ready<T> {
    /// Of priority 0.
    usual: VecDeque<T>,
    /// Of the others, highest first.
    others: Vec<Level<T>>,
}

impl<T> Ready<T> {
    pub(super) fn new() -> Self {
        Ready { usual: VecDeque::new(), others: Vec::new() }
    }

    /// Makes room for `count` of one priority.
    pub(super) fn reserve(&mut self, priority: i32, count: usize) {
        // The root's place is in the level of 0.
        self.usual.reserve(count.saturating_sub(self.usual.len()));
        if priority != 0 {
            let queue = self.other(priority);
            queue.reserve(count.saturating_sub(queue.len()));
        }
    }

    fn other(&mut self, priority: i32) -> &mut VecDeque<T> {
        let at = self.others.partition_point(|l| l.priority > priority);
        if self.others.get(at).is_none_or(|l| l.priority != priority) {
            self.others.insert(at, Level { priority, queue: VecDeque::new() });
        }
        &mut self.others[at].queue
    }

    /// Puts one at the end of its level.
    #[inline]
    pub(super) fn push(&mut self, priority: i32, who: T) {
        let queue = if priority == 0 { &mut self.usual } else { self.other(priority) };
        queue.push_back(who);
    }

    /// Takes the next.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.others.is_empty() { self.usual.pop_front() } else { self.pop_highest() }
    }

    #[cold]
    fn pop_highest(&mut self) -> Option<T> {
        let below = self.others.partition_point(|l| l.priority > 0);
        let (above, below) = self.others.split_at_mut(below);
        let first = |levels: &mut [Level<T>]| levels.iter_mut().find_map(|l| l.queue.pop_front());
        first(above).or_else(|| self.usual.pop_front()).or_else(|| first(below))
    }

    /// Keeps those only.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.usual.retain(&mut keep);
        self.others.iter_mut().for_each(|l| l.queue.retain(&mut keep));
    }
}

#[cfg(test)]
mod tests {
    use super::Ready;

    /// Against a plain list that is searched, over many random histories (a linear congruence, fixed seeds).
    #[test]
    fn the_queue_agrees_with_a_list_that_is_searched() {
        for seed in 0..20u64 {
            let mut x = seed;
            let mut random = move |n: u64| {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (x >> 33) % n
            };
            let (mut ready, mut model) = (Ready::new(), Vec::new());
            for i in 0..300 {
                if random(2) == 0 {
                    let priority = random(3) as i32 - 1;
                    ready.push(priority, i);
                    model.push((priority, i));
                } else {
                    // The first of the highest: max_by_key gives the last of equals.
                    let next = model.iter().rev().max_by_key(|e| e.0).copied();
                    model.retain(|e| Some(*e) != next);
                    assert_eq!(ready.pop(), next.map(|e| e.1));
                }
            }
        }
    }
}
