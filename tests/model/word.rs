//! `abi/futex/bucket.rs`, waiting and waking: no wake-up is lost between the check of a word and the wait.

use crate::bucket::{Buckets, Slot};
use crate::check;
use crate::sched::state::Wake;
use crate::sync::{AtomicUsize, Ordering::*};
use crate::task::Task;
use loom::thread;
use std::sync::Arc;

/// Two buckets; the first two words are in different ones.
pub(crate) struct Futexes {
    pub(crate) buckets: Buckets<2>,
    /// The words; their addresses for the buckets are [`A`] and [`B`].
    pub(crate) a: AtomicUsize,
}

pub(crate) const A: usize = 0x1000;
pub(crate) const B: usize = 0x1004;

impl Futexes {
    pub(crate) fn new() -> Self {
        let f = Futexes { buckets: Buckets::new([Slot::new(), Slot::new()]), a: AtomicUsize::new(0) };
        assert!(!std::ptr::eq(f.buckets.of(A), f.buckets.of(B)), "choose other addresses");
        f
    }

    /// FUTEX_WAIT on A while it is 0, as `abi::futex::wait` does it; `None`: it was not.
    pub(crate) fn wait_on_a(&self, t: &Task) -> Option<Wake> {
        let mut seq = 0;
        let check = || if self.a.load(Relaxed) == 0 { Ok(()) } else { Err(()) };
        let prepare = || {
            seq = t.waiter.state.prepare();
            seq
        };
        self.buckets.wait(A, &t.waiter, u32::MAX, check, prepare).ok()?;
        let why = t.park(seq);
        if why != Wake::Event {
            self.buckets.leave(&t.waiter);
        }
        Some(why)
    }

    /// Nobody is left in any bucket.
    pub(crate) fn assert_empty(&self) {
        for addr in [A, B] {
            assert!(self.buckets.of(addr).lock().first(addr).is_none(), "a waiter is left behind");
        }
    }
}

#[test]
fn a_waker_that_changes_the_word_first_is_never_missed() {
    check(3, || {
        let f = Arc::new(Futexes::new());
        let tasks = [Arc::new(Task::new()), Arc::new(Task::new())];
        let waiters = tasks.clone().map(|t| {
            let f = f.clone();
            thread::spawn(move || {
                while f.a.load(SeqCst) == 0 {
                    f.wait_on_a(&t);
                }
            })
        });
        f.a.store(1, SeqCst);
        f.buckets.wake(A, 2, u32::MAX);
        for w in waiters {
            w.join().expect("no panics");
        }
        f.assert_empty();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_a_waker_that_changes_the_word_last() {
    check(3, || {
        let f = Arc::new(Futexes::new());
        let t = Arc::new(Task::new());
        let waiter = {
            let (f, t) = (f.clone(), t.clone());
            thread::spawn(move || f.wait_on_a(&t))
        };
        f.buckets.wake(A, 1, u32::MAX);
        f.a.store(1, SeqCst);
        waiter.join().expect("no panics");
    });
}
