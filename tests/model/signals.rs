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

/// What senders and takers of a process's signal share: `abi::signal::shared`, of which these are copies.
#[derive(Default)]
struct Process {
    queued: AtomicBool,
    /// Of two threads: whether they block the signal, and whether they were called for it.
    blocks: [AtomicBool; 2],
    called: [AtomicBool; 2],
    kernel_blocks: AtomicBool,
}

impl Process {
    fn taker(&self) -> Option<usize> {
        (0..2).find(|t| !self.blocks[*t].load(SeqCst))
    }

    /// `shared::call`.
    fn call(&self, look_again: bool) {
        loop {
            let Some(t) = self.taker() else {
                self.kernel_blocks.store(true, SeqCst);
                if look_again && self.taker().is_some() {
                    self.kernel_blocks.store(false, SeqCst);
                    continue;
                }
                return;
            };
            self.called[t].store(true, SeqCst);
            if !look_again || !self.blocks[t].load(SeqCst) {
                return;
            }
            self.called[t].store(false, SeqCst);
        }
    }

    /// `send_to_process`.
    fn send(&self, look_again: bool) {
        self.queued.store(true, SeqCst);
        self.call(look_again);
    }

    /// `set_mask`.
    fn set_mask(&self, t: usize, blocks: bool) {
        self.blocks[t].store(blocks, SeqCst);
        if !blocks {
            if self.kernel_blocks.load(SeqCst) {
                self.kernel_blocks.store(false, SeqCst);
            }
            if self.queued.load(SeqCst) {
                self.called[t].store(true, SeqCst);
            }
        } else if self.called[t].swap(false, SeqCst) && self.queued.load(SeqCst) {
            self.call(true);
        }
    }

    /// Whether a thread that would take the signal knows of it, and the kernel sends the next one.
    fn comes_through(&self, t: usize) {
        assert!(self.called[t].load(SeqCst), "left behind: this signal");
        assert!(!self.kernel_blocks.load(SeqCst), "left behind: the next one, in the kernel");
    }
}

/// A signal comes while the only thread has it blocked for a moment.
fn a_signal_while_the_mask_opens(look_again: bool) {
    check(3, move || {
        let p = Arc::new(Process::default());
        p.blocks[0].store(true, SeqCst);
        p.blocks[1].store(true, SeqCst);
        let sender = {
            let p = p.clone();
            thread::spawn(move || p.send(look_again))
        };
        p.set_mask(0, false);
        sender.join().expect("no panics");
        p.comes_through(0);
    });
}

#[test]
fn a_signal_comes_through_when_the_mask_opens() {
    a_signal_while_the_mask_opens(true);
}

#[test]
#[should_panic(expected = "left behind")]
fn broken_the_sender_does_not_look_again_at_the_mask() {
    a_signal_while_the_mask_opens(false);
}

/// A signal comes while the thread that would be called blocks it, or ends.
fn a_signal_while_the_mask_shuts(look_again: bool) {
    check(3, move || {
        let p = Arc::new(Process::default());
        let sender = {
            let p = p.clone();
            thread::spawn(move || p.send(look_again))
        };
        p.set_mask(0, true);
        sender.join().expect("no panics");
        p.comes_through(1);
    });
}

#[test]
fn another_thread_is_called_when_the_mask_shuts() {
    a_signal_while_the_mask_shuts(true);
}

#[test]
#[should_panic(expected = "left behind")]
fn broken_the_sender_does_not_look_again_at_whom_it_called() {
    a_signal_while_the_mask_shuts(false);
}
