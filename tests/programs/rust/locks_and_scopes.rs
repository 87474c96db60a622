//! Mutex, RwLock, Condvar, Barrier, Once, OnceLock and scoped threads that borrow; a sum in parallel.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Condvar, Mutex, Once, OnceLock, RwLock};
use std::thread;
use std::time::Duration;

fn parallel_sum(numbers: &[u64]) -> u64 {
    if numbers.len() <= 1000 {
        return numbers.iter().sum();
    }
    let (left, right) = numbers.split_at(numbers.len() / 2);
    thread::scope(|scope| {
        let left = scope.spawn(|| parallel_sum(left));
        let right = parallel_sum(right);
        left.join().expect("no panic") + right
    })
}

fn main() {
    let numbers: Vec<u64> = (0..100_000).collect();
    println!("sum {}", parallel_sum(&numbers));

    let (turn, changed) = (Mutex::new(0_usize), Condvar::new());
    let shared = RwLock::new((0_u64, 0_u64));
    let (barrier, leaders) = (Barrier::new(8), AtomicUsize::new(0));
    static ONCE: Once = Once::new();
    static CELL: OnceLock<String> = OnceLock::new();
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    thread::scope(|scope| {
        for own in 0..8 {
            let (turn, changed, shared, barrier, leaders) = (&turn, &changed, &shared, &barrier, &leaders);
            scope.spawn(move || {
                for round in 0..50 {
                    let mut now = changed.wait_while(turn.lock().unwrap(), |now| *now % 8 != own).unwrap();
                    assert_eq!(*now, round * 8 + own);
                    *now += 1;
                    changed.notify_all();
                    drop(now);
                    let mut pair = shared.write().unwrap();
                    pair.0 += 1;
                    thread::yield_now();
                    pair.1 += 1;
                    drop(pair);
                    let pair = shared.read().unwrap();
                    assert_eq!(pair.0, pair.1);
                }
                if barrier.wait().is_leader() {
                    leaders.fetch_add(1, Ordering::SeqCst);
                }
                ONCE.call_once(|| {
                    RUNS.fetch_add(1, Ordering::SeqCst);
                });
                assert_eq!(CELL.get_or_init(|| "made once".to_owned()), "made once");
            });
        }
    });
    let guard = turn.lock().unwrap();
    let (guard, timeout) = changed.wait_timeout_while(guard, Duration::from_millis(20), |_| true).unwrap();
    assert!(timeout.timed_out());
    println!("turns {}, leaders {}, runs {}", *guard, leaders.into_inner(), RUNS.load(Ordering::SeqCst));
}
