//! Helpers: OS threads that make, for a virtual thread, a system call that blocks in the kernel.
//!
//! The virtual thread parks until the helper has the result; a signal for it calls the kernel off (arch/helper.rs) and is
//! delivered when the helper has answered: EINTR, or the result if the call was faster. The wait may depend on other
//! threads of the program, so the number of helpers is bounded by memory and `pids.max` only; where no more are to be had,
//! the carrier makes the call itself, a moment at a time ([`alone`]).
//!
//! A helper takes one job at a time and is reused, the most recent first; idle for [`IDLE`] it ends. Its block is given
//! back when the kernel has cleared its tid word, that is, when nothing of it runs on the stack in it. Helpers never fork:
//! a child's PR_SET_PDEATHSIG would tell it of the end of an OS thread as of its parent's.
//!
//! Who owns what: a helper in [`IDLE_ONES`] belongs to the list, and what takes it out gives it a job; `Job::inner` says
//! whose call it makes. Order of locks: `IDLE_ONES`, then a job.

use super::os_thread::OsThread;
use super::state::Wake;
use super::thread::{Thread, ThreadRef};
use super::timer::NEVER;
use super::{bound, hub, idle, tick};
use crate::abi::{self, Step};
use crate::arch;
use crate::sys::kernel::{SigInfo, Timespec, UContext};
use crate::sys::{self, nr, spin::Spin};
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering::*};

mod alone;

/// A system call: number and arguments.
pub(crate) type Call = [usize; 7];

/// Most helpers at a time: room in the region of OS threads, 256 KiB of address space each.
pub(crate) const MOST: usize = 4096;
/// Nanoseconds a helper waits for the next job.
const IDLE: u64 = 1_000_000_000;
/// Nanoseconds after which a call that was called off is called off once more: the signal may have found no room
/// (RLIMIT_SIGPENDING).
const AGAIN: u64 = 10_000_000;

/// A helper's part of its record. All-zero: no helper. A carrier that makes a call alone uses `called_off`.
pub(crate) struct Job {
    inner: Spin<Inner>,
    /// The call is to end.
    pub(super) called_off: AtomicU32,
    /// Its tid; zeroed by the kernel when it has ended.
    tid_word: AtomicI32,
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

struct Lists {
    idle: *const OsThread,
    ended: *const OsThread,
}
// SAFETY: OS thread records stay; followed under the lock only. The link is `next_sleeper`: helpers never sleep as carriers.
unsafe impl Send for Lists {}

static IDLE_ONES: Spin<Lists> = Spin::new(Lists { idle: null(), ended: null() });

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
    let Some(h) = find() else { return alone::first(t, call) };
    t.call.word.set(&raw const *h as u64);
    t.call.done.set(t.call.deadline.get());
    h.job.called_off.store(0, SeqCst);
    let seq = abi::prepare(t, NEVER, true);
    *h.job.inner.lock() = Inner { thread: t.as_ptr(), seq, call };
    idle::rouse(h);
    Step::Park
}

/// A helper without a job: an idle one, or a new one.
fn find() -> Option<&'static OsThread> {
    {
        let mut l = IDLE_ONES.lock();
        // SAFETY: see `Lists`.
        if let Some(h) = unsafe { l.idle.as_ref() } {
            l.idle = h.next_sleeper.get();
            h.listed.set(false);
            return Some(h);
        }
        bury(&mut l);
    }
    let h = OsThread::new().ok()?;
    h.job.tid_word.store(1, SeqCst);
    if hub::spawn(h, helper_main).is_err() {
        // SAFETY: it never began.
        unsafe { h.free() };
        return None;
    }
    Some(h)
}

/// Gives the blocks of helpers back that have ended.
fn bury(l: &mut Lists) {
    let mut kept = null();
    // SAFETY: see `Lists`.
    while let Some(h) = unsafe { l.ended.as_ref() } {
        l.ended = h.next_sleeper.get();
        if h.job.tid_word.load(SeqCst) == 0 {
            // SAFETY: the kernel clears the word when the thread has left user mode for good (kernel/fork.c, mm_release).
            unsafe { h.free() };
        } else {
            h.next_sleeper.set(kept);
            kept = h;
        }
    }
    l.ended = kept;
}

unsafe extern "C" fn helper_main(os: usize) -> ! {
    // SAFETY: `spawn` passes a record.
    let h = unsafe { &*(os as *const OsThread) };
    let mask = !crate::abi::signal::NEVER_BLOCKED;
    // Without one its handlers run on the hub stack, where there is room.
    let _ = h.install_alt_stack();
    h.kernel_mask.set(mask);
    // SAFETY: values and structures of our own.
    unsafe {
        h.ktid.store(sys::syscall1(nr(libc::SYS_set_tid_address), h.job.tid_word.as_ptr() as usize) as i32, SeqCst);
        sys::syscall2(nr(libc::SYS_prctl), libc::PR_SET_NAME as usize, c"patchall-call".as_ptr() as usize);
        sys::syscall4(nr(libc::SYS_rt_sigprocmask), libc::SIG_SETMASK as usize, &raw const mask as usize, 0, 8);
    }
    while wait_for_job(h) {
        work(h);
    }
    arch::exit_thread()
}

/// False: there was none for long, and the helper is in the list of those that end.
fn wait_for_job(h: &OsThread) -> bool {
    let op = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
    let timeout = Timespec::from_nanos(IDLE);
    loop {
        if h.wake.swap(0, SeqCst) != 0 {
            return true;
        }
        // SAFETY: a futex wait on a word of ours.
        let r =
            unsafe { sys::syscall4(nr(libc::SYS_futex), h.wake.as_ptr() as usize, op, 0, &raw const timeout as usize) };
        if r == -libc::ETIMEDOUT as isize && leave(h) {
            return false;
        }
    }
}

/// Takes itself out of the idle ones; false: somebody was faster and has a job for it.
fn leave(h: &OsThread) -> bool {
    let mut l = IDLE_ONES.lock();
    if !h.listed.get() {
        return false;
    }
    let mut at = &raw mut l.idle;
    // SAFETY: `h` is listed, so it is found; see `Lists`.
    unsafe {
        while !core::ptr::eq(*at, h) {
            at = (**at).next_sleeper.as_ptr();
        }
        *at = h.next_sleeper.get();
    }
    h.listed.set(false);
    h.next_sleeper.set(l.ended);
    l.ended = h;
    true
}

/// The calling OS thread, which is no helper, is about to end: its block is given back as a helper's is.
pub(super) fn retire(os: &OsThread) {
    os.job.tid_word.store(1, SeqCst);
    let mut l = IDLE_ONES.lock();
    // SAFETY: the word stays.
    unsafe { sys::syscall1(nr(libc::SYS_set_tid_address), os.job.tid_word.as_ptr() as usize) };
    os.next_sleeper.set(l.ended);
    l.ended = os;
}

fn work(h: &OsThread) {
    let call = h.job.inner.lock().call;
    // SAFETY: a call of the program's, with its arguments, on behalf of a thread that waits for it.
    let r = unsafe { arch::interruptible_call(&h.job.called_off, &call) };
    let (t, seq) = {
        let mut job = h.job.inner.lock();
        let t = core::mem::replace(&mut job.thread, null());
        let Some(t) = ThreadRef::from_ptr(t) else { sys::die("a helper without a job") };
        t.offloaded.set(r);
        (t, job.seq)
    };
    {
        let mut l = IDLE_ONES.lock();
        h.next_sleeper.set(l.idle);
        h.listed.set(true);
        l.idle = h;
    }
    // Of a thread that has seen its result already (a signal made it look), this is an old park.
    super::wake(&t.waiter, seq, Wake::Event);
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

/// For the child of a fork, which has none.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { IDLE_ONES.reset() };
    *IDLE_ONES.lock() = Lists { idle: null_mut(), ended: null_mut() };
}
