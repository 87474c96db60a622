//! `sched/state.rs`: one park ends once, for one reason, and late wakers change nothing.

use crate::check;
use crate::sched::state::{Wake, Woken};
use crate::sched::wake;
use crate::task::Task;
use loom::thread;
use std::sync::Arc;

#[test]
fn of_two_wakers_one_ends_the_park() {
    check(3, || {
        let t = Arc::new(Task::new());
        let seq = t.waiter.state.prepare();
        let wakers = [Wake::Event, Wake::Timeout].map(|why| {
            let t = t.clone();
            thread::spawn(move || wake(&t.waiter, seq, why))
        });
        let why = t.park(seq);
        let [event, timeout] = wakers.map(|w| w.join().expect("no panics"));
        assert!(event != timeout, "both or none say that they ended the park");
        assert_eq!(why, if event { Wake::Event } else { Wake::Timeout });
        assert!(!t.is_ready());
    });
}

#[test]
fn a_waker_of_an_earlier_park_is_late() {
    check(3, || {
        let t = Arc::new(Task::new());
        let first = t.waiter.state.prepare();
        let wakers = [Wake::Event, Wake::Timeout].map(|why| {
            let t = t.clone();
            thread::spawn(move || wake(&t.waiter, first, why))
        });
        t.park(first);
        // The record may even be another thread's by now: the sequence goes on.
        let second = t.waiter.state.prepare();
        for w in wakers {
            w.join().expect("no panics");
        }
        assert_eq!(t.waiter.state.waiting(), Some(second), "a late waker ended the second park");
        assert!(!t.is_ready());
        t.waiter.state.cancel();
    });
}

#[test]
fn a_park_given_up_cannot_be_ended() {
    check(3, || {
        let t = Arc::new(Task::new());
        let seq = t.waiter.state.prepare();
        let w = {
            let t = t.clone();
            thread::spawn(move || wake(&t.waiter, seq, Wake::Event))
        };
        t.waiter.state.cancel();
        w.join().expect("no panics");
        assert!(!t.is_ready(), "made ready while it runs");
    });
}

#[test]
#[should_panic(expected = "made ready")]
fn broken_a_waker_that_is_early_makes_the_waiter_ready() {
    check(3, || {
        let t = Arc::new(Task::new());
        let seq = t.waiter.state.prepare();
        let w = {
            let t = t.clone();
            thread::spawn(move || {
                if t.waiter.state.wake(seq, Wake::Event) != Woken::Late {
                    t.make_ready();
                }
            })
        };
        t.park(seq);
        w.join().expect("no panics");
        assert!(!t.is_ready(), "made ready while it runs");
    });
}
