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
mod exec;
mod frame;
mod handler;
mod inbox;
mod queue;
mod shared;
mod signalfd;
pub(crate) mod timers;

pub(crate) use exec::{after_failed_exec, before_exec};
pub(crate) use frame::sigreturn;
pub(crate) use handler::{NEVER_BLOCKED, install};
pub(crate) use shared::send_to_process;

use super::{Restart, Row};
use crate::sched::os_thread::OsThread;
use crate::sched::state::Wake;
use crate::sched::thread::{Resume, Thread, ThreadRef};
use crate::sched::timer::NEVER;
use crate::sched::{debug, tick};
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
    /// Those of the process's queue that the thread is to take (`shared`).
    called: AtomicU64,
    /// What it waits for in sigtimedwait: those it takes although it blocks them.
    waits_for: AtomicU64,
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

    /// Whether the thread would take a signal now.
    fn wants(&self, b: u64) -> bool {
        self.mask.load(SeqCst) & b == 0 || self.waits_for.load(SeqCst) & b != 0
    }
}

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
    let open = !t.signals.mask.load(Relaxed);
    t.signals.pending.set() & open != 0 || t.signals.called.load(SeqCst) & open & shared::QUEUE.set() != 0
}

/// Gives what came for the process to threads. From a hub.
#[inline]
pub(crate) fn route() {
    if handler::INBOX.has_some() {
        handler::INBOX.drain(send_to_process);
    }
}

/// Puts a signal on a thread's queue, and makes it look if it takes it. The thread cannot end meanwhile (the caller holds the
/// tid table, or is the thread).
pub(crate) fn send(t: ThreadRef, info: &SigInfo) {
    t.signals.pending.push(info);
    if t.signals.wants(bit(info.signo)) {
        notify(t);
    }
}

/// Makes a thread look at its signals: ends its park, if it may be ended.
fn notify(t: ThreadRef) {
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

/// Sets the thread's mask, and lets the kernel deliver what nobody had wanted.
pub(crate) fn set_mask(t: ThreadRef, mask: u64) {
    let mask = mask & !UNBLOCKABLE;
    t.signals.mask.store(mask, SeqCst);
    if t.main.get() {
        action::let_go(!mask);
    }
    let now_open = KERNEL_MASK.load(SeqCst) & !mask;
    if now_open != 0 {
        KERNEL_MASK.fetch_and(!now_open, SeqCst);
        sync_kernel_mask(t.os(), false);
    }
    shared::opened(t);
    shared::retarget(t);
}

/// The next signal the thread is to take: its own before the process's (kernel/signal.c, dequeue_signal).
fn next(t: ThreadRef) -> Option<SigInfo> {
    t.signals.pending.take(!t.signals.mask()).or_else(|| shared::take(t))
}

/// A thread is about to wait for `set`: those signals must reach the engine, whatever their default action.
fn open_for(t: ThreadRef, set: u64) {
    action::take_over(set, true);
    if KERNEL_MASK.load(Relaxed) & set != 0 {
        KERNEL_MASK.fetch_and(!set, SeqCst);
        sync_kernel_mask(t.os(), false);
    }
}

/// Blocks all that can be blocked, in the calling OS thread: it has no role.
pub(crate) fn block_all(os: &OsThread) {
    set_kernel_mask(os, !NEVER_BLOCKED);
}

fn set_kernel_mask(os: &OsThread, mask: u64) {
    os.kernel_mask.set(mask);
    // SAFETY: a mask of our own.
    unsafe { sys::syscall4(nr(libc::SYS_rt_sigprocmask), libc::SIG_SETMASK as usize, &raw const mask as usize, 0, 8) };
}

/// Brings the calling OS thread's kernel mask in line with what the engine wants.
#[inline]
pub(crate) fn sync_kernel_mask(os: &OsThread, always: bool) {
    let want = KERNEL_MASK.load(SeqCst) & !debug::signals();
    if always || os.kernel_mask.get() != want {
        set_kernel_mask(os, want);
    }
}

/// Sets up frames for all signals the thread is to take. True if a handler will run.
pub(crate) fn deliver(t: ThreadRef) -> bool {
    route();
    let mut handled = false;
    while let Some(info) = next(t) {
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
    while let Some(info) = next(t) {
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

/// A thread has ended, and is in the tid table no more: what was pending for it alone is gone.
pub(crate) fn thread_gone(t: ThreadRef) {
    t.signals.pending.clear();
    shared::thread_gone(t);
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
    before::take_own(|info| t.signals.pending.push(info));
    action::adopt();
}

/// Whether the kernel lets us handle signals: a sandbox may refuse it. The engine's own is handled from here on.
pub(crate) fn claim_tick() -> Result<(), i32> {
    action::claim_tick()
}

/// Undoes that: the gate does not open.
pub(crate) fn give_tick_back() {
    action::give_tick_back();
}

/// Whether the caller runs on the alternate stack that the kernel knows.
pub(crate) fn on_alternate_stack() -> bool {
    let mut now = SigStack::default();
    // SAFETY: the kernel fills the structure.
    unsafe { sys::syscall2(nr(libc::SYS_sigaltstack), 0, &raw mut now as usize) };
    now.flags & libc::SS_ONSTACK != 0
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
    t.signals.called.store(0, SeqCst);
    shared::QUEUE.clear();
}
