//! Run queues with stealing: nobody is lost, run twice or overtaken in his own queue.

use super::*;
use crate::testing::cases;
use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;

/// Records for a test. Their ids are their numbers plus one.
fn threads(n: usize) -> Vec<ThreadRef> {
    (0..n)
        .map(|i| {
            let t = ThreadRef::new().expect("memory");
            t.tid.set(i as u32 + 1);
            t
        })
        .collect()
}

fn free(threads: Vec<ThreadRef>) {
    for t in threads {
        // SAFETY: in no queue any more, and never in anything else.
        unsafe { t.free() };
    }
}

#[test]
fn queues_keep_their_order_and_thieves_take_the_first_half() {
    cases(200, |random| {
        let carriers = [const { Carrier::new() }; 3];
        let mut expected: [VecDeque<ThreadRef>; 3] = Default::default();
        let all = threads(200);
        let mut free_ones = all.clone();
        for _ in 0..600 {
            let (a, b) = (random.below(3), random.below(3));
            // Phases of growing and of shrinking, so that queues become longer than a thief takes.
            match random.below(5) {
                0..=2 => {
                    if let Some(t) = free_ones.pop() {
                        expected[a].push_back(t);
                        assert_eq!(carriers[a].push(t), expected[a].len());
                    }
                }
                3 => {
                    let t = carriers[a].pop();
                    assert!(t == expected[a].pop_front());
                    free_ones.extend(t);
                }
                _ if a != b => {
                    let n = expected[b].len().div_ceil(2).min(STEAL_MOST);
                    let mut taken: VecDeque<_> = expected[b].drain(..n).collect();
                    let first = taken.pop_front();
                    expected[a].append(&mut taken);
                    let got = carriers[a].steal_from(&carriers[b]);
                    assert!(got == first);
                    free_ones.extend(got);
                }
                _ => {}
            }
            for (c, e) in carriers.iter().zip(&expected) {
                assert_eq!(c.len(), e.len());
            }
        }
        for (c, mut e) in carriers.iter().zip(expected) {
            while let Some(t) = c.pop() {
                assert!(Some(t) == e.pop_front());
            }
            assert!(e.is_empty());
        }
        free(all);
    });
}

#[test]
fn everybody_is_run_exactly_as_often_as_he_was_queued() {
    const THREADS: usize = 300;
    const TURNS: u32 = 200;
    let carriers = [const { Carrier::new() }; 3];
    let all = threads(THREADS);
    let turns = [const { AtomicUsize::new(0) }; THREADS];
    let (left, running) = (AtomicUsize::new(THREADS), [const { AtomicBool::new(false) }; THREADS]);
    for (i, t) in all.iter().enumerate() {
        carriers[i % 2].push(*t);
    }
    std::thread::scope(|scope| {
        for me in 0..3 {
            let (carriers, turns, left, running) = (&carriers, &turns, &left, &running);
            scope.spawn(move || {
                while left.load(SeqCst) > 0 {
                    let others = (1..3).map(|k| &carriers[(me + k) % 3]);
                    let own = &carriers[me];
                    let Some(t) = own.pop().or_else(|| others.into_iter().find_map(|o| own.steal_from(o))) else {
                        std::thread::yield_now();
                        continue;
                    };
                    let i = t.tid.get() as usize - 1;
                    assert!(!running[i].swap(true, SeqCst), "two carriers run the same thread");
                    let n = turns[i].fetch_add(1, SeqCst) + 1;
                    running[i].store(false, SeqCst);
                    if n == TURNS as usize {
                        left.fetch_sub(1, SeqCst);
                    } else {
                        own.push(t);
                    }
                }
            });
        }
    });
    assert!(turns.iter().all(|n| n.load(SeqCst) == TURNS as usize));
    assert!(carriers.iter().all(|c| c.len() == 0 && c.pop().is_none()));
    free(all);
}
