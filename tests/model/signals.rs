//! Signals for a thread that parks or runs: `abi::prepare` against `abi::signal::send`, of which these are copies.

use crate::check;
use crate::sched::state::Wake;
use crate::sched::wake;
use crate::sync::{AtomicBool, AtomicU64, Ordering::*, fence};
use crate::task::Task;
use loom::thread;
use std::sync::Arc;

/// A thread with a queue of signals.
struct Target {
    task: Task,
    interruptible: AtomicBool,
    pending: AtomicU64,
}

impl Target {
    fn new() -> Arc<Target> {
        Arc::new(Target { task: Task::new(), interruptible: AtomicBool::new(false), pending: AtomicU64::new(0) })
    }

    /// `abi::signal::send`, to a thread that parks.
    fn send(&self) {
        self.pending.fetch_or(1, SeqCst);
        if let Some(seq) = self.task.waiter.state.waiting()
            && self.interruptible.load(SeqCst)
        {
            wake(&self.task.waiter, seq, Wake::Signal);
        }
    }
}

#[test]
fn a_signal_ends_the_park_that_it_meets() {
    check(3, || {
        let t = Target::new();
        let sender = {
            let t = t.clone();
            thread::spawn(move || t.send())
        };
        // abi::prepare
        t.interruptible.store(true, Relaxed);
        let seq = t.task.waiter.state.prepare();
        if t.pending.load(SeqCst) != 0 {
            t.task.waiter.state.wake(seq, Wake::Signal);
        }
        assert_eq!(t.task.park(seq), Wake::Signal);
        sender.join().expect("no panics");
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_the_thread_looks_before_it_says_that_it_parks() {
    check(3, || {
        let t = Target::new();
        let sender = {
            let t = t.clone();
            thread::spawn(move || t.send())
        };
        t.interruptible.store(true, Relaxed);
        if t.pending.load(SeqCst) == 0 {
            let seq = t.task.waiter.state.prepare();
            t.task.park(seq);
        }
        sender.join().expect("no panics");
    });
}

/// A hub makes a thread the running one and looks for signals (`hub::run`, `hub::serve`); a sender kicks the OS thread that
/// a thread runs on. `barrier` is what stands between the sender's two halves: membarrier(2) makes a fence of it for both.
fn a_signal_for_a_thread_that_begins_to_run(barrier: bool) {
    check(3, move || {
        let (pending, current) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let sender = {
            let (pending, current) = (pending.clone(), current.clone());
            thread::spawn(move || {
                pending.store(true, SeqCst);
                current.load(SeqCst)
            })
        };
        current.store(true, Relaxed);
        if barrier {
            fence(SeqCst);
        }
        // Not SeqCst: on x86-64 no load waits for the stores before it.
        let delivered = pending.load(Relaxed);
        let kicked = sender.join().expect("no panics");
        assert!(delivered || kicked, "the signal is left behind");
    });
}

#[test]
fn a_signal_meets_a_thread_that_begins_to_run() {
    a_signal_for_a_thread_that_begins_to_run(true);
}

#[test]
#[should_panic(expected = "the signal is left behind")]
fn broken_a_sender_without_a_barrier() {
    a_signal_for_a_thread_that_begins_to_run(false);
}

/// A signal of the process's while its only thread has everything blocked for a moment: `abi::signal::send_to_process`
/// against `set_mask`, of which these are copies. Afterwards the thread has it, and the kernel sends the next one.
fn a_signal_while_the_mask_opens(look_again: bool) {
    check(3, move || {
        let mask = Arc::new(AtomicBool::new(true));
        let (of_process, kernel_mask) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let of_thread = Arc::new(AtomicBool::new(false));
        let router = {
            let (mask, of_process) = (mask.clone(), of_process.clone());
            let (kernel_mask, of_thread) = (kernel_mask.clone(), of_thread.clone());
            thread::spawn(move || {
                if !mask.load(SeqCst) {
                    return of_thread.store(true, SeqCst);
                }
                of_process.store(true, SeqCst);
                kernel_mask.store(true, SeqCst);
                if look_again && !mask.load(SeqCst) {
                    kernel_mask.store(false, SeqCst);
                    if of_process.swap(false, SeqCst) {
                        of_thread.store(true, SeqCst);
                    }
                }
            })
        };
        mask.store(false, SeqCst);
        if kernel_mask.load(SeqCst) {
            kernel_mask.store(false, SeqCst);
        }
        if of_process.load(SeqCst) && of_process.swap(false, SeqCst) {
            of_thread.store(true, SeqCst);
        }
        router.join().expect("no panics");
        assert!(of_thread.load(SeqCst), "left behind: this signal");
        assert!(!kernel_mask.load(SeqCst), "left behind: the next one, in the kernel");
    });
}

#[test]
fn a_signal_comes_through_when_the_mask_opens() {
    a_signal_while_the_mask_opens(true);
}

#[test]
#[should_panic(expected = "left behind")]
fn broken_the_router_does_not_look_again() {
    a_signal_while_the_mask_opens(false);
}
