//! Signals for the process as a whole: one queue, and for each a thread that is called to take from it.
//!
//! As in kernel/signal.c. A signal stays in the shared queue until a thread takes it. Of the threads that would take it one
//! is *called* (`complete_signal`): it is woken, and `SignalState::called` says for what, as TIF_SIGPENDING does. A thread
//! that blocks what it was called for, or ends, calls another one (`retarget_shared_pending`), so no signal is lost with
//! a thread that lives for a moment. What nobody would take waits here, and further ones of its kind wait in the kernel,
//! blocked on every OS thread.
//!
//! Who sends puts the signal into the queue first and looks at the masks then; who changes what he would take does it the
//! other way round. One of both sees the other. (All SeqCst.)

use super::queue::Queue;
use super::{KERNEL_MASK, SignalState, bit, calls, handler, notify, send, signalfd, timers};
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::kernel::SigInfo;
use core::sync::atomic::Ordering::*;

/// What is pending for the process.
pub(super) static QUEUE: Queue = Queue::new();

/// Puts a process-directed signal where it belongs.
pub(crate) fn send_to_process(info: &SigInfo) {
    if let Some(tid) = timers::target(info) {
        tids::with(tid, |t| send(t, info));
        return;
    }
    let b = bit(info.signo);
    if signalfd::reads(b) && taker(b).is_none() {
        return signalfd::give_back(info);
    }
    if !timers::joins(info, &QUEUE) {
        QUEUE.push(info);
    }
    call(b);
}

/// Takes a signal out of the queue for one who waits for it, with what the kernel has of it since.
pub(super) fn take_waited_for(set: u64) -> Option<SigInfo> {
    let both = QUEUE.set() & KERNEL_MASK.load(SeqCst) & set;
    if both != 0
        && let Some(info) = calls::kernel_pending(both)
        && !timers::joins(&info, &QUEUE)
    {
        QUEUE.push(&info);
    }
    QUEUE.take(set)
}

/// Calls a thread for a signal that is in the queue, or lets it wait for one.
pub(super) fn call(b: u64) {
    loop {
        let Some(t) = taker(b) else {
            KERNEL_MASK.fetch_or(b & !handler::NEVER_BLOCKED, SeqCst);
            if taker(b).is_some() {
                KERNEL_MASK.fetch_and(!b, SeqCst);
                continue;
            }
            // A signalfd that is made meanwhile looks into the queue after it has said so.
            if signalfd::reads(b) {
                signalfd::opened(b);
            }
            return;
        };
        // Under the table's lock again: the thread may have ended since.
        let called = tids::with(t.tid.get(), |t| {
            t.signals.called.fetch_or(b, SeqCst);
            let wants = t.signals.wants(b);
            if wants {
                notify(t);
            } else {
                t.signals.called.fetch_and(!b, SeqCst);
            }
            wants
        });
        if called == Some(true) {
            return;
        }
    }
}

/// The thread to be called: the main one if it would take the signal, else one that was not called yet, else any.
pub(super) fn taker(b: u64) -> Option<ThreadRef> {
    let (mut fresh, mut any) = (None, None);
    tids::each(|t| {
        if !t.signals.wants(b) {
            return true;
        }
        any = Some(t);
        if t.main.get() || t.signals.called.load(SeqCst) == 0 {
            fresh = any;
        }
        !t.main.get()
    });
    fresh.or(any)
}

/// Takes a signal that the thread was called for and still has open.
pub(super) fn take(t: ThreadRef) -> Option<SigInfo> {
    let mask = t.signals.mask();
    if t.signals.called.load(SeqCst) & !mask == 0 {
        return None;
    }
    // What comes after this calls the thread anew.
    t.signals.called.fetch_and(mask, SeqCst);
    let info = QUEUE.take(!mask);
    opened(t);
    info
}

/// The thread's mask has changed: it takes what it has open.
pub(super) fn opened(t: ThreadRef) {
    let open = QUEUE.set() & !t.signals.mask();
    if open != 0 {
        t.signals.called.fetch_or(open, SeqCst);
    }
}

/// The program ignores a signal from now on: what is pending of it is gone (sigaction(2)).
pub(super) fn forget(sig: i32) {
    super::route();
    while QUEUE.take(bit(sig)).is_some() {}
    tids::each(|t| {
        while t.signals.pending.take(bit(sig)).is_some() {}
        true
    });
}

/// The thread takes less than before: others are called for what it was called for.
pub(super) fn retarget(t: ThreadRef) {
    if t.signals.called.load(SeqCst) != 0 {
        hand_over(&t.signals, |b| !t.signals.wants(b));
    }
}

/// The thread has ended.
pub(super) fn thread_gone(t: ThreadRef) {
    t.signals.waits_for.store(0, SeqCst);
    hand_over(&t.signals, |_| true);
}

#[cold]
fn hand_over(of: &SignalState, if_so: impl Fn(u64) -> bool) {
    let mut called = of.called.load(SeqCst);
    while called != 0 {
        let b = called & called.wrapping_neg();
        called &= !b;
        if if_so(b) {
            of.called.fetch_and(!b, SeqCst);
            if QUEUE.set() & b != 0 {
                call(b);
            }
        }
    }
}
