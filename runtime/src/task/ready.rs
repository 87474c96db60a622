//! Who is ready: first in, first out; those of a higher priority before all others.
//!
//! Room is made when a coroutine is made ([`Ready::reserve`]); after that nothing here allocates.

use std::collections::VecDeque;

struct Level<T> {
    priority: i32,
    queue: VecDeque<T>,
}

/// See the header.
pub(super) struct Ready<T> {
    /// Highest first; there is always the one of priority 0.
    levels: Vec<Level<T>>,
}

impl<T> Ready<T> {
    pub(super) fn new() -> Self {
        Ready { levels: vec![Level { priority: 0, queue: VecDeque::new() }] }
    }

    /// Makes room for `count` of one priority.
    pub(super) fn reserve(&mut self, priority: i32, count: usize) {
        // The root's place is in the level of 0.
        for level in [0, priority] {
            let queue = &mut self.level(level).queue;
            queue.reserve(count.saturating_sub(queue.len()));
            if priority == 0 {
                break;
            }
        }
    }

    fn level(&mut self, priority: i32) -> &mut Level<T> {
        let at = self.levels.partition_point(|l| l.priority > priority);
        if self.levels.get(at).is_none_or(|l| l.priority != priority) {
            self.levels.insert(at, Level { priority, queue: VecDeque::new() });
        }
        &mut self.levels[at]
    }

    /// Puts one at the end of its level.
    #[inline]
    pub(super) fn push(&mut self, priority: i32, who: T) {
        match &mut self.levels[..] {
            [only] if only.priority == priority => only.queue.push_back(who),
            _ => self.level(priority).queue.push_back(who),
        }
    }

    /// Takes the next.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        match &mut self.levels[..] {
            [only] => only.queue.pop_front(),
            levels => levels.iter_mut().find_map(|l| l.queue.pop_front()),
        }
    }

    /// Keeps those only.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.levels.iter_mut().for_each(|l| l.queue.retain(&mut keep));
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
