//! `abi/futex/bucket.rs`, requeues: a waiter that times out meanwhile leaves the bucket that it is in.

use crate::check;
use crate::sched::state::Wake;
use crate::sched::wake;
use crate::task::Task;
use crate::word::{A, B, Futexes};
use loom::thread;
use std::sync::Arc;

/// One waits on A and times out, another moves it to B by `requeue`. Nothing of it may be left in a bucket.
fn time_out_while_moved(requeue: fn(&Futexes)) {
    check(3, move || {
        let (f, t) = (Arc::new(Futexes::new()), Arc::new(Task::new()));
        // Prepared and linked before the others start, so that there is something to move and to time out.
        let mut seq = 0;
        let linked = f.buckets.wait(
            A,
            &t.waiter,
            u32::MAX,
            || Ok::<(), ()>(()),
            || {
                seq = t.waiter.state.prepare();
                seq
            },
        );
        assert!(linked.is_ok());
        let clock = {
            let t = t.clone();
            thread::spawn(move || wake(&t.waiter, seq, Wake::Timeout))
        };
        let mover = {
            let f = f.clone();
            thread::spawn(move || requeue(&f))
        };
        assert_eq!(t.park(seq), Wake::Timeout);
        f.buckets.leave(&t.waiter);
        // From here on the thread would use its node for the next wait.
        clock.join().expect("no panics");
        mover.join().expect("no panics");
        f.assert_empty();
    });
}

#[test]
fn a_waiter_times_out_while_it_is_moved() {
    time_out_while_moved(|f| {
        let _ = f.buckets.requeue([A, B], [0, 1], || Ok::<(), ()>(()));
    });
}

#[test]
#[should_panic(expected = "a waiter is left behind")]
fn broken_a_waiter_is_in_no_bucket_while_it_is_moved() {
    time_out_while_moved(|f| {
        let (mut a, b) = f.buckets.lock_two(A, B);
        if let (Some(w), Some(mut b)) = (a.first(A), b) {
            a.unlink(w);
            b.link(w, B, w.futex_seq.get(), u32::MAX);
        }
    });
}

#[test]
fn a_waiter_is_woken_where_it_was_moved_to() {
    check(3, || {
        let (f, t) = (Arc::new(Futexes::new()), Arc::new(Task::new()));
        let waiter = {
            let (f, t) = (f.clone(), t.clone());
            thread::spawn(move || f.wait_on_a(&t))
        };
        let mover = {
            let f = f.clone();
            thread::spawn(move || f.buckets.requeue([A, B], [0, 1], || Ok::<(), ()>(())))
        };
        f.a.store(1, crate::sync::Ordering::SeqCst);
        mover.join().expect("no panics").expect("no check");
        f.buckets.wake(A, 1, u32::MAX);
        f.buckets.wake(B, 1, u32::MAX);
        waiter.join().expect("no panics");
        f.assert_empty();
    });
}
