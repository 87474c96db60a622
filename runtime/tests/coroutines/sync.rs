//! What coroutines share and wait for; queues against a model.

use super::{LONG, Log, MOMENT};
use patchall::sync::*;
use patchall::{Timeout, join_all, scope, sleep, spawn, yield_now};
use std::collections::VecDeque;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn an_event_wakes_all_even_if_it_is_cleared_at_once() {
    let event = Event::new();
    let all: Vec<_> = (0..3)
        .map(|_| {
            spawn({
                let event = event.clone();
                move || event.wait()
            })
        })
        .collect();
    yield_now();
    event.set();
    event.clear();
    assert!(join_all(all).into_iter().all(|r| r.is_ok()));
    assert!(!event.wait_timeout(MOMENT));
}

#[test]
fn permits_go_to_who_has_waited_longest() {
    let log = Log::default();
    let one = Semaphore::new(1);
    let all: Vec<_> = ["a", "b", "c"]
        .map(|name| {
            let (log, one) = (log.clone(), one.clone());
            spawn(move || {
                for _ in 0..2 {
                    one.acquire();
                    log.add(name);
                    yield_now();
                    one.release();
                }
            })
        })
        .into();
    join_all(all);
    log.is(&["a", "b", "c", "a", "b", "c"]);
}

#[test]
fn a_permit_of_one_that_is_killed_goes_to_the_next() {
    let one = Semaphore::new(0);
    let take = || {
        spawn({
            let one = one.clone();
            move || one.acquire()
        })
    };
    let (first, second) = (take(), take());
    yield_now();
    one.release();
    // It has been picked, and does not come to take it.
    first.kill();
    second.join().unwrap();
    assert!(first.join().is_err());
    assert_eq!(one.available(), 0);
}

#[test]
fn a_bounded_semaphore_refuses_what_was_not_taken() {
    assert!(catch_unwind(|| Semaphore::bounded(1).release()).is_err());
    let one = Semaphore::bounded(1);
    assert!(one.try_acquire() && !one.try_acquire());
    assert!(!one.acquire_timeout(MOMENT));
    one.release();
}

#[test]
fn a_closed_queue_gives_what_it_has_and_takes_nothing() {
    let queue = Queue::bounded(2);
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    let waits = spawn({
        let queue = queue.clone();
        move || queue.put(3)
    });
    yield_now();
    queue.close();
    assert_eq!(waits.join().unwrap(), Err(Closed(3)));
    assert_eq!(queue.put(4), Err(Closed(4)));
    assert_eq!(queue.iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(queue.try_get(), Err(GetError::Closed));
    let gets: Vec<_> = (0..3).map(|_| Queue::<i32>::new()).collect();
    let all: Vec<_> = gets.iter().cloned().map(|q| spawn(move || q.get())).collect();
    yield_now();
    gets.iter().for_each(AnyQueue::close);
    assert!(join_all(all).into_iter().all(|r| r.unwrap().is_none()));
}

#[test]
fn closing_wakes_all_who_get_though_there_is_one_item() {
    let queue = Queue::new();
    let all: Vec<_> = (0..3)
        .map(|_| {
            spawn({
                let queue = queue.clone();
                move || queue.get()
            })
        })
        .collect();
    yield_now();
    queue.put(1).unwrap();
    queue.close();
    let got: i32 = join_all(all).into_iter().filter_map(|r| r.unwrap()).sum();
    assert_eq!(got, 1);
}

#[test]
fn a_full_or_empty_queue_within_a_time() {
    let queue = Queue::bounded(1);
    assert_eq!(queue.get_timeout(MOMENT), Err(GetError::Empty));
    queue.put(1).unwrap();
    assert_eq!(queue.put_timeout(2, MOMENT), Err(PutError::Full(2)));
    assert!(queue.is_full());
    assert!(Timeout::after(MOMENT, || queue.put(2)).is_err());
    assert_eq!(queue.try_put(3), Err(PutError::Full(3)));
    assert_eq!(queue.len(), 1);
    assert!(catch_unwind(|| Queue::<()>::bounded(0)).is_err());
    assert!(catch_unwind(|| Queue::<()>::new().task_done()).is_err());
}

#[test]
fn a_channel_hands_over() {
    let log = Log::default();
    let channel = Channel::new();
    let (theirs, to) = (log.clone(), channel.clone());
    let giver = spawn(move || {
        for i in 0..3 {
            to.put(i).unwrap();
            theirs.add(format!("gave {i}"));
        }
        to.close();
    });
    yield_now();
    log.is(&[]);
    assert_eq!(channel.iter().collect::<Vec<_>>(), [0, 1, 2]);
    giver.join().unwrap();
    assert_eq!(channel.put(9), Err(Closed(9)));
    let lonely = Channel::new();
    assert_eq!(lonely.put_timeout(1, MOMENT), Err(PutError::Full(1)));
    assert_eq!(lonely.get_timeout(MOMENT), Err(GetError::Empty));
    let taker = spawn({
        let lonely = lonely.clone();
        move || lonely.get()
    });
    lonely.put(2).unwrap();
    assert_eq!(taker.join().unwrap(), Some(2));
}

#[test]
fn halves_tell_each_other_when_they_go() {
    let (sender, receiver) = channel();
    let second = sender.clone();
    sender.send(1).unwrap();
    drop(sender);
    second.send(2).unwrap();
    drop(second);
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2]);
    let (sender, receiver) = sync_channel(1);
    sender.send(Rc::new(1)).unwrap();
    assert!(sender.try_send(Rc::new(2)).is_err());
    drop(receiver);
    assert!(sender.send(Rc::new(3)).is_err());
}

#[test]
fn locks() {
    let lock = RwLock::new(0);
    let log = Log::default();
    scope(|s| {
        let first = lock.read();
        s.spawn(|| {
            *lock.write() += 1;
            log.add("write");
        });
        yield_now();
        s.spawn(|| log.add(format!("read {}", *lock.read())));
        yield_now();
        log.is(&[]);
        drop(first);
    });
    log.is(&["write", "read 1"]);
    let held = Mutex::new(());
    let _guard = held.lock();
    assert!(held.try_lock().is_none());
    assert!(catch_unwind(std::panic::AssertUnwindSafe(|| drop(held.lock()))).is_err(), "a deadlock");
    let condition = Condvar::new();
    let free = Mutex::new(());
    assert!(!condition.wait_timeout(free.lock(), MOMENT).1);
}

#[test]
fn a_pool_has_no_more_than_its_size() {
    let pool = Pool::new(2);
    let now = Rc::new(std::cell::Cell::new((0, 0)));
    for _ in 0..6 {
        let now = now.clone();
        pool.spawn(move || {
            let (n, most) = now.get();
            now.set((n + 1, most.max(n + 1)));
            sleep(Duration::from_micros(200));
            let (n, most) = now.get();
            now.set((n - 1, most));
        });
    }
    pool.join();
    assert_eq!(now.get(), (0, 2));
    assert_eq!(pool.free_count(), 2);
    pool.spawn(|| sleep(LONG));
    pool.kill();
    pool.join();
    assert!(pool.is_empty());
}

#[test]
fn a_panic_in_a_pool_reaches_who_maps() {
    let quiet = |i: i32| if i == 2 { std::panic::resume_unwind(Box::new("two")) } else { i };
    let pool = Pool::new(2);
    let panicked = catch_unwind(std::panic::AssertUnwindSafe(|| pool.map(1..4, quiet)));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"two"));
    let panicked = catch_unwind(std::panic::AssertUnwindSafe(|| pool.imap(1..4, quiet).count()));
    assert!(panicked.is_err());
}

#[test]
fn threads_do_what_blocks() {
    let pool = ThreadPool::new(2);
    let begin = std::time::Instant::now();
    let naps = pool.map(0..4, |i| {
        std::thread::sleep(Duration::from_millis(10));
        i
    });
    assert_eq!(naps, [0, 1, 2, 3]);
    assert!(begin.elapsed() >= Duration::from_millis(20));
    let panicked = patchall::spawn(|| patchall::blocking(|| std::panic::resume_unwind(Box::new(5)))).join();
    assert!(panicked.unwrap_err().is::<i32>());
}

#[test]
fn shared_forms_work_between_schedulers() {
    let queue = Queue::shared_bounded(3);
    let semaphore = Semaphore::shared(1);
    let total = std::sync::Arc::new(Mutex::shared(0u64));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (queue, semaphore, total) = (queue.clone(), semaphore.clone(), total.clone());
            std::thread::spawn(move || {
                let workers = (0..10).map(|_| {
                    let (queue, semaphore, total) = (queue.clone(), semaphore.clone(), total.clone());
                    spawn(move || {
                        for n in &queue {
                            let _permit = semaphore.permit();
                            *total.lock() += n;
                        }
                    })
                });
                assert!(join_all(workers).into_iter().all(|r| r.is_ok()));
            })
        })
        .collect();
    (1..=5000u64).for_each(|n| queue.put(n).unwrap());
    queue.close();
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(*total.lock(), 12_502_500);
}

/// A queue against a list, over random histories: two coroutines put and get, with and without waiting.
#[test]
fn queues_agree_with_a_model() {
    for seed in 1..40u64 {
        let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = move |n: u64| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x % n
        };
        let bound = 1 + random(4) as usize;
        let (fifo, lifo, least) = (Queue::bounded(bound), LifoQueue::bounded(bound), PriorityQueue::bounded(bound));
        let mut model: VecDeque<u64> = VecDeque::new();
        for _ in 0..200 {
            let n = random(100);
            if random(2) == 0 {
                let fits = model.len() < bound;
                assert_eq!(fifo.try_put(n).is_ok(), fits);
                assert_eq!(lifo.try_put(n).is_ok(), fits);
                assert_eq!(least.try_put(n).is_ok(), fits);
                if fits {
                    model.push_back(n);
                }
            } else {
                // The three hold the same items only while they are emptied together.
                let mut sorted: Vec<_> = model.iter().copied().collect();
                sorted.sort();
                let all: Vec<u64> = std::iter::from_fn(|| least.try_get().ok()).collect();
                assert_eq!(all, sorted);
                let all: Vec<u64> = std::iter::from_fn(|| lifo.try_get().ok()).collect();
                assert!(all.iter().rev().eq(model.iter()));
                let all: Vec<u64> = std::iter::from_fn(|| fifo.try_get().ok()).collect();
                assert!(all.iter().eq(model.iter()));
                model.clear();
            }
        }
    }
}

/// Many put and get at once through a small queue, and some are killed or give up: nothing is lost or comes twice.
#[test]
fn nothing_is_lost_in_a_crowd() {
    for seed in 1..20u64 {
        let queue = Queue::bounded(1 + seed as usize % 3);
        let put = Rc::new(std::cell::RefCell::new(Vec::new()));
        let got = Rc::new(std::cell::RefCell::new(Vec::new()));
        let putters: Vec<_> = (0..8u64)
            .map(|p| {
                let (queue, put) = (queue.clone(), put.clone());
                spawn(move || {
                    for i in 0..20 {
                        let item = p * 100 + i;
                        let limit = Duration::from_micros((item * seed) % 7 * 20);
                        if queue.put_timeout(item, limit).is_ok() {
                            put.borrow_mut().push(item);
                        }
                    }
                })
            })
            .collect();
        let getters: Vec<_> = (0..5)
            .map(|_| {
                let (queue, got) = (queue.clone(), got.clone());
                spawn(move || {
                    for item in &queue {
                        got.borrow_mut().push(item);
                        yield_now();
                    }
                })
            })
            .collect();
        let killed = spawn({
            let queue = queue.clone();
            move || queue.get()
        });
        let watch = spawn(move || {
            yield_now();
            killed.kill();
            killed.join().ok().flatten()
        });
        join_all(putters);
        queue.close();
        join_all(getters);
        got.borrow_mut().extend(watch.join().unwrap());
        got.borrow_mut().sort();
        put.borrow_mut().sort();
        assert_eq!(*got.borrow(), *put.borrow());
    }
}
