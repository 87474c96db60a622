//! Signals: the program's handlers, masks and pending sets belong to virtual threads.
//!
//! ```text
//! kernel ──▶ our handler (handler.rs), on the OS thread's alternate stack
//!              engine's own: fault fix-up, tick
//!              a fault of the running thread ──▶ its queue, and to the hub
//!              anything else ──▶ the inbox ──▶ route() in a hub ──▶ a thread's queue, or the process's
//! hub, before a thread goes on: deliver() ──▶ a frame on the program's stack exactly as the kernel would have built it
//!              (frame.rs), whose restorer is ours ──▶ sigreturn() puts mask and registers back
//! ```
//!
//! The kernel never writes a frame to the program's stack and never runs the program's handler: it is built from the
//! record (or the preempted context), so that a handler may return, longjmp or be preempted on any carrier. Whom a
//! process-directed signal goes to follows the kernel's complete_signal: the main thread if it does not block it, else
//! any that does not; else it stays pending for the process.
//!
//! Kernel masks: an OS thread of the engine blocks what the program had blocked when the gate opened, and, from then on,
//! what came although every thread blocks it; unblocking in any thread takes it out again (`sync_kernel_mask`).

mod action;
mod before;
pub(crate) mod calls;
mod frame;
mod handler;
mod inbox;
mod queue;
mod signalfd;
pub(crate) mod timers;

pub(crate) use action::{after_failed_exec, before_exec};
pub(crate) use frame::sigreturn;
pub(crate) use handler::{NEVER_BLOCKED, install};

use super::{Restart, Row};
use crate::sched::os_thread::OsThread;
use crate::sched::state::Wake;
use crate::sched::thread::{Resume, Thread, ThreadRef};
use crate::sched::timer::NEVER;
use crate::sched::{debug, tick, tids};
use crate::sys::kernel::{SigInfo, SigStack};
use crate::sys::{self, nr};
use action::Verdict;
use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering::*};
use queue::Queue;

/// Signals are 1 to 64.
pub(crate) const NSIG: usize = 64;

/// A signal's bit in a mask.
#[inline(always)]
pub(crate) const fn bit(sig: i32) -> u64 {
    1 << (sig - 1)
}

/// SIGKILL and SIGSTOP, which nobody blocks.
const UNBLOCKABLE: u64 = bit(libc::SIGKILL) | bit(libc::SIGSTOP);

/// What a thread has of signals. All-zero: nothing blocked, nothing pending, no alternate stack.
pub(crate) struct SignalState {
    /// Blocked ones: written by the owner, read by senders.
    mask: AtomicU64,
    /// Directed at this thread.
    pending: Queue,
    /// The mask that comes back when the running call ends, if `restore`.
    saved_mask: Cell<u64>,
    restore: Cell<bool>,
    /// sigaltstack(2); size 0: none.
    alt: Cell<SigStack>,
}

impl SignalState {
    /// A new thread has its maker's mask, and nothing else (clone(2), sigaltstack(2)).
    pub(crate) fn inherit(&self, of: &SignalState) {
        self.mask.store(of.mask.load(Relaxed), Relaxed);
    }

    /// The blocked signals.
    pub(crate) fn mask(&self) -> u64 {
        self.mask.load(Relaxed)
    }
}

/// Pending for the process as a whole: every thread blocks them.
static PROCESS: Queue = Queue::new();
/// What all OS threads of the engine have blocked.
static KERNEL_MASK: AtomicU64 = AtomicU64::new(0);

/// Whether a hub should call [`route`].
#[inline(always)]
pub(crate) fn process_pending() -> bool {
    handler::INBOX.has_some()
}

/// Whether the thread has a signal to take before it goes on.
#[inline(always)]
pub(crate) fn deliverable(t: &Thread) -> bool {
    // What is in the inbox may be for somebody else: a call must not end because of it.
    t.signals.pending.set() & !t.signals.mask.load(Relaxed) != 0
}

/// Gives what came for the process to threads. From a hub.
#[inline]
pub(crate) fn route() {
    if handler::INBOX.has_some() {
        handler::INBOX.drain(send_to_process);
    }
}

/// Puts a process-directed signal where it belongs.
pub(crate) fn send_to_process(info: &SigInfo) {
    let b = bit(info.signo);
    if let Some(tid) = timers::target(info) {
        tids::with(tid, |t| send(t, info));
        return;
    }
    if give(info) {
        return;
    }
    if signalfd::reads(b) {
        return signalfd::give_back(info);
    }
    keep(info);
    // A signalfd that is made meanwhile looks at what is kept after it has said so.
    if signalfd::reads(b) {
        return signalfd::opened(b);
    }
    // Said first, looked at second: who opens the signal does it the other way round (set_mask), and one of both sees it.
    while taker(b).is_some() {
        KERNEL_MASK.fetch_and(!b, SeqCst);
        match PROCESS.take(b) {
            Some(info) if !give(&info) => keep(&info),
            Some(_) => {}
            None => return,
        }
    }
}

/// Nobody wants it now: it waits here, and further ones in the kernel.
fn keep(info: &SigInfo) {
    PROCESS.push(info);
    KERNEL_MASK.fetch_or(bit(info.signo) & !handler::NEVER_BLOCKED, SeqCst);
}

/// Gives a signal of the process's to a thread, if there is one for it.
fn give(info: &SigInfo) -> bool {
    // Under the table's lock again: the thread may have ended since.
    taker(bit(info.signo)).is_some_and(|t| tids::with(t.tid.get(), |t| send(t, info)).is_some())
}

/// The thread that takes a signal of the process's: one in sigwait takes what everybody blocks; else the main one, if it has
/// it open, or any that does.
fn taker(b: u64) -> Option<ThreadRef> {
    let (mut target, mut waiting) = (None, None);
    tids::each(|t| {
        if t.signals.mask.load(SeqCst) & b == 0 {
            target = Some(t);
            return !t.main.get();
        }
        if t.signals.waiting() & b != 0 {
            waiting = Some(t);
        }
        true
    });
    waiting.or(target)
}

/// Puts a signal on a thread's queue, and ends its park if it may be ended. The thread cannot end meanwhile (the caller
/// holds the tid table, or is the thread).
pub(crate) fn send(t: ThreadRef, info: &SigInfo) {
    t.signals.pending.push(info);
    if t.signals.mask.load(SeqCst) & bit(info.signo) != 0 && t.signals.waiting() & bit(info.signo) == 0 {
        return;
    }
    match t.waiter.state.waiting() {
        Some(seq) if t.interruptible.load(SeqCst) => {
            crate::sched::wake(&t.waiter, seq, Wake::Signal);
        }
        Some(_) => {}
        None => {
            // It runs, or is about to: on another OS thread the tick makes it look. A hub says whom it runs and looks at the
            // signals then, with no barrier in between, so that is made from here.
            if crate::sched::carrier::count() > 1 {
                sys::barrier_everywhere();
            }
            // SAFETY: OS threads' records stay.
            if let Some(os) = unsafe { t.os.get().as_ref() }
                && core::ptr::eq(os.current.load(SeqCst), t.as_ptr())
                && !OsThread::here().is_some_and(|here| core::ptr::eq(here, os))
            {
                tick::kick(os);
            }
        }
    }
}

/// The running call of `t` raises a signal for its own thread, as SIGPIPE is.
#[cold]
pub(crate) fn raise(t: ThreadRef, sig: i32) {
    let blocked = t.signals.mask.load(Relaxed) & bit(sig) != 0;
    if blocked || !action::is_ignored(sig) {
        t.signals.pending.push(&calls::from_us(sig, libc::SI_USER));
    }
}

/// The kernel raised SIGPIPE for the OS thread in a call that it made for `t`: what is in the inbox of it is the thread's.
#[cold]
pub(crate) fn claim_sigpipe(t: ThreadRef) {
    let ours = |i: &SigInfo| {
        i.signo == libc::SIGPIPE && i.code == libc::SI_USER && i.fields[0] as i32 == crate::process::pid()
    };
    handler::INBOX.drain(|info| if ours(info) { t.signals.pending.push(info) } else { send_to_process(info) });
}

impl SignalState {
    /// What the thread waits for in sigtimedwait: those wake it although it blocks them.
    fn waiting(&self) -> u64 {
        if self.restore.get() { 0 } else { self.saved_mask.get() }
    }
}

/// Takes the process's pending signals that the thread does not block.
fn take_process_pending(t: ThreadRef) {
    while let Some(info) = PROCESS.take(!t.signals.mask.load(Relaxed)) {
        t.signals.pending.push(&info);
    }
}

/// Sets the thread's mask, and lets the kernel deliver what nobody had wanted.
pub(crate) fn set_mask(t: ThreadRef, mask: u64) {
    let mask = mask & !UNBLOCKABLE;
    t.signals.mask.store(mask, SeqCst);
    let now_open = KERNEL_MASK.load(SeqCst) & !mask;
    if now_open != 0 {
        KERNEL_MASK.fetch_and(!now_open, SeqCst);
        sync_kernel_mask(t.os(), false);
    }
    if PROCESS.set() & !mask != 0 {
        take_process_pending(t);
    }
}

/// A thread is about to wait for `set`: those signals must reach the engine, whatever their default action.
fn open_for(t: ThreadRef, set: u64) {
    action::take_over(set, true);
    if KERNEL_MASK.load(Relaxed) & set != 0 {
        KERNEL_MASK.fetch_and(!set, SeqCst);
        sync_kernel_mask(t.os(), false);
    }
}

/// Brings the calling OS thread's kernel mask in line with what the engine wants.
#[inline]
pub(crate) fn sync_kernel_mask(os: &OsThread, always: bool) {
    let want = KERNEL_MASK.load(SeqCst) & !debug::signals();
    if always || os.kernel_mask.get() != want {
        os.kernel_mask.set(want);
        // SAFETY: a mask of our own.
        unsafe {
            sys::syscall4(nr(libc::SYS_rt_sigprocmask), libc::SIG_SETMASK as usize, &raw const want as usize, 0, 8)
        };
    }
}

/// Sets up frames for all signals the thread is to take. True if a handler will run.
pub(crate) fn deliver(t: ThreadRef) -> bool {
    route();
    let mut handled = false;
    while let Some(info) = t.signals.pending.take(!t.signals.mask.load(Relaxed)) {
        match action::verdict(info.signo) {
            Verdict::Ignore => {}
            Verdict::Default => action::default(t, info.signo),
            Verdict::Handler(a) => {
                frame::push(t, &a, &info);
                handled = true;
            }
        }
    }
    handled
}

/// What became of a call whose park a signal ended.
pub(crate) enum Interrupted {
    /// A handler runs; the call's result, or its restart, is in the context the handler returns to.
    Handler,
    /// No handler ran: the call waits again.
    Nothing,
}

/// A signal ended the park of `t`'s call before anything was done.
pub(crate) fn interrupted(t: ThreadRef, row: &Row) -> Interrupted {
    route();
    while let Some(info) = t.signals.pending.take(!t.signals.mask.load(Relaxed)) {
        match action::verdict(info.signo) {
            Verdict::Ignore => {}
            Verdict::Default => action::default(t, info.signo),
            Verdict::Handler(a) => {
                // A wait with a limit is not restarted (signal(7): sockets with a timeout, futexes with one).
                let limited = t.call.deadline.get() != NEVER;
                let restart = row.restart == Restart::Flag && !limited && a.flags & libc::SA_RESTART as u64 != 0;
                let r = t.regs();
                if restart {
                    r.rip = r.r11;
                } else {
                    r.rax = -libc::EINTR as u64;
                    r.rip = r.r11 + super::SYSCALL_LEN;
                }
                t.resume.set(Resume::Regs);
                frame::push(t, &a, &info);
                // Further ones stack their frames on top of this one.
                deliver(t);
                return Interrupted::Handler;
            }
        }
    }
    Interrupted::Nothing
}

/// The end of a call that changed the mask for its duration (ppoll, sigsuspend): the old one comes back.
#[inline(always)]
pub(crate) fn call_done(t: ThreadRef) {
    if t.signals.restore.get() {
        t.signals.restore.set(false);
        let m = t.signals.saved_mask.replace(0);
        set_mask(t, m);
    }
}

/// Changes the mask for the duration of the running call.
pub(crate) fn mask_for_call(t: ThreadRef, mask: u64) {
    if !t.signals.restore.replace(true) {
        t.signals.saved_mask.set(t.signals.mask());
        set_mask(t, mask);
    }
}

/// A thread has ended: what was pending for it alone is gone.
pub(crate) fn thread_gone(t: ThreadRef) {
    while t.signals.pending.take(!0).is_some() {}
}

/// Takes the mask and the dispositions over, for the opening of the gate by `t`. No signal comes from
/// here on until [`sync_kernel_mask`]: a handler that began while the gate was open in part would end in the kernel, and
/// leave the thread's mask, which is ours, as it was.
pub(crate) fn init(t: ThreadRef) {
    let (all, mut mask) = (!0u64, 0u64);
    let (set, all_at, mask_at) = (libc::SIG_SETMASK as usize, &raw const all as usize, &raw mut mask as usize);
    // SAFETY: variables of our own.
    unsafe { sys::syscall4(nr(libc::SYS_rt_sigprocmask), set, all_at, mask_at, 8) };
    KERNEL_MASK.store(mask & !handler::NEVER_BLOCKED, SeqCst);
    t.signals.mask.store(mask, SeqCst);
    before::adopt(&t.signals.pending);
    action::adopt();
}

/// Whether the kernel lets us handle signals: a sandbox may refuse it.
pub(crate) fn check() -> Result<(), i32> {
    action::check()
}

/// The first thread's alternate stack, whose place ours has taken, is the virtual thread's.
pub(crate) fn adopt_alternate_stack(t: ThreadRef, old: SigStack) {
    if old.flags & libc::SS_DISABLE == 0 {
        t.signals.alt.set(old);
    }
}

/// For the child of a fork: pending signals are not inherited (fork(2)).
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork(t: ThreadRef) {
    // SAFETY: by contract.
    unsafe {
        queue::after_fork();
        action::after_fork();
        handler::after_fork();
        signalfd::after_fork();
        timers::after_fork();
    }
    t.signals.pending.clear();
    PROCESS.clear();
}
