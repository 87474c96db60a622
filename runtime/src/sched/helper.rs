//! Helpers: OS threads that make, for a virtual thread, a system call that blocks in the kernel.
//!
//! The virtual thread parks until the helper has the result; a signal for it calls the kernel off (arch/helper.rs) and is
//! delivered when the helper has answered: EINTR, or the result if the call was faster. The wait may depend on other
//! threads of the program, so the number of helpers is bounded by memory and `pids.max` only; where no more are to be had,
//! the carrier makes the call itself, a moment at a time ([`alone`]).
//!
//! A helper is any OS thread without a role ([`spare`]); it takes one job at a time. `Job::inner` says whose call it makes.

use super::os_thread::OsThread;
use super::state::Wake;
use super::thread::{Thread, ThreadRef};
use super::timer::NEVER;
use super::{bound, idle, spare, tick};
use crate::abi::{self, Step};
use crate::arch;
use crate::sys::kernel::{SigInfo, UContext};
use crate::sys::spin::Spin;
use core::ptr::null;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering::*};

mod alone;

/// A system call: number and arguments.
pub(crate) type Call = [usize; 7];

/// Most helpers at a time: room in the region of OS threads, 256 KiB of address space each.
pub(crate) const MOST: usize = 4096;
/// Nanoseconds after which a call that was called off is called off once more: the signal may have found no room
/// (RLIMIT_SIGPENDING).
const AGAIN: u64 = 10_000_000;

/// A helper's part of its record. All-zero: no job. A carrier that makes a call alone uses `called_off`.
pub(crate) struct Job {
    inner: Spin<Inner>,
    /// The call is to end.
    pub(super) called_off: AtomicU32,
    /// Zeroed by the kernel when the OS thread has ended.
    pub(super) tid_word: AtomicI32,
}

struct Inner {
    /// Whose call, null: done.
    thread: *const Thread,
    /// The park that waits for it.
    seq: u64,
    call: Call,
}
// SAFETY: a pointer to a record, which stays.
unsafe impl Send for Inner {}

/// The running call of `t`, made by a helper: the whole step function of such a call.
pub(crate) fn offload(t: ThreadRef) -> Step {
    if t.woken().is_none() {
        // The kernel keeps what limit the call has.
        t.call.deadline.set(NEVER);
    }
    make(t, || {
        let r = t.regs();
        [r.rax, r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9].map(|v| v as usize)
    })
}

/// [`offload`] for a step function that has parked before: makes the call now. While `CallState::word` is the helper
/// ([`has`]), [`offload`] goes on with it.
pub(crate) fn offload_now(t: ThreadRef) -> Step {
    t.set_woken(None);
    offload(t)
}

/// Whether the running call of `t`, which keeps nothing above a page's size in `CallState::word`, is with a helper.
pub(crate) fn has(t: ThreadRef) -> bool {
    t.woken().is_some() && t.call.word.get() > 4096
}

/// As [`offload`], for another call than the thread's own. `CallState::word` holds the helper and whether the call was
/// called off, `done` the deadline that counts again when the helper has answered.
pub(crate) fn make(t: ThreadRef, call: impl FnOnce() -> Call) -> Step {
    match t.woken() {
        None | Some(Wake::Retry) => begin(t, call()),
        Some(why) if t.call.word.get() == alone::MARK => alone::again(t, why, call),
        Some(Wake::Event) => result(t),
        Some(Wake::Signal | Wake::Timeout) => {
            // SAFETY: set in `begin`; records of OS threads are never unmapped.
            let h = unsafe { &*((t.call.word.get() & !CALLED_OFF) as *const OsThread) };
            let mut job = h.job.inner.lock();
            if job.thread != t.as_ptr() {
                drop(job);
                return result(t);
            }
            t.call.word.set(t.call.word.get() | CALLED_OFF);
            job.seq = abi::prepare(t, abi::after(AGAIN), false);
            h.job.called_off.store(1, SeqCst);
            h.kicked.store(false, Relaxed);
            tick::kick(h);
            Step::Park
        }
    }
}

/// In `CallState::word`, beside the helper's address, which is a multiple of 64.
const CALLED_OFF: u64 = 1;

fn result(t: ThreadRef) -> Step {
    t.call.deadline.set(t.call.done.get());
    let (r, called_off) = (t.offloaded.get(), t.call.word.get() & CALLED_OFF != 0);
    if called_off && r == -libc::EINTR as isize { Step::Interrupted } else { Step::Done(r) }
}

fn begin(t: ThreadRef, call: Call) -> Step {
    if t.home().is_some() {
        return bound::make_here(t, &call);
    }
    let Some(h) = spare::take_or_make() else { return alone::first(t, call) };
    t.call.word.set(&raw const *h as u64);
    t.call.done.set(t.call.deadline.get());
    h.job.called_off.store(0, SeqCst);
    let seq = abi::prepare(t, NEVER, true);
    *h.job.inner.lock() = Inner { thread: t.as_ptr(), seq, call };
    idle::rouse(h);
    spare::replace();
    Step::Park
}

/// Makes the call that the OS thread was given; whom to wake for it then, at which park. `None`: it was given none.
pub(super) fn work(h: &OsThread) -> Option<(ThreadRef, u64)> {
    let call = {
        let job = h.job.inner.lock();
        ThreadRef::from_ptr(job.thread)?;
        job.call
    };
    // SAFETY: a call of the program's, with its arguments, on behalf of a thread that waits for it.
    let r = unsafe { arch::interruptible_call(&h.job.called_off, &call) };
    let mut job = h.job.inner.lock();
    let t = ThreadRef::from_ptr(core::mem::replace(&mut job.thread, null()))?;
    t.offloaded.set(r);
    // Of a thread that has seen its result already (a signal made it look), this is an old park.
    Some((t, job.seq))
}

/// The engine's signal in an OS thread that may be a helper: calls its call off if that is wanted and it is not done.
pub(super) fn on_signal(h: &OsThread, info: &SigInfo, uc: &mut UContext) {
    if tick::ends_turn(info) || bound::is_wanted(h) {
        h.job.called_off.store(1, SeqCst);
    }
    if h.job.called_off.load(SeqCst) != 0
        && let Some(pc) = arch::call_off(uc.mcontext.rip as usize)
    {
        uc.mcontext.rip = pc as u64;
    }
}
