//! Switching, parking, timers and semaphores allocate nothing.

use patchall::sync::{Event, Queue, Semaphore};
use patchall::{join_all, sleep, spawn, yield_now};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: passes everything on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs `f` in ten coroutines, none of which begins or ends meanwhile: how often the thread allocated.
fn allocations(f: impl Fn() + Clone + 'static) -> u64 {
    let (done, go, end) = (Semaphore::new(0), Event::new(), Event::new());
    let all: Vec<_> = (0..10)
        .map(|_| {
            let (done, go, end, f) = (done.clone(), go.clone(), end.clone(), f.clone());
            spawn(move || {
                go.wait();
                f();
                done.release();
                end.wait();
            })
        })
        .collect();
    yield_now();
    let before = COUNT.get();
    go.set();
    (0..10).for_each(|_| done.acquire());
    let count = COUNT.get() - before;
    end.set();
    assert!(join_all(all).into_iter().all(|r| r.is_ok()));
    count
}

#[test]
fn switching() {
    assert_eq!(allocations(|| (0..1000).for_each(|_| yield_now())), 0);
}

#[test]
fn sleeping() {
    assert_eq!(allocations(|| (0..10).for_each(|_| sleep(Duration::from_micros(50)))), 0);
}

#[test]
fn semaphores() {
    let semaphore = Semaphore::new(3);
    let pass = move || {
        for _ in 0..100 {
            semaphore.acquire();
            yield_now();
            semaphore.release();
        }
    };
    assert_eq!(allocations(pass), 0);
}

#[test]
fn bounded_waits() {
    let never = Event::new();
    assert_eq!(allocations(move || assert!(!never.wait_timeout(Duration::from_micros(100)))), 0);
}

#[test]
fn queues_that_have_grown() {
    let queue = Queue::bounded(4);
    (0..4).for_each(|i| queue.put(i).unwrap());
    let pass = move || {
        for i in 0..100 {
            let _ = queue.get();
            let _ = queue.put(i);
        }
    };
    assert_eq!(allocations(pass), 0);
}
