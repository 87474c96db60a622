//! Idle OS threads: those that will help ([`super::helper`]) or take over the role of a carrier that is stuck
//! ([`super::watch`]), and what becomes of those that have neither a role nor a call to make any more.
//!
//! All are alike: an OS thread is given a role or a call, and is idle again without it. The most recent one is given work
//! first; one that is idle for [`IDLE`] ends, but for the last one, which is kept while there may be need of one
//! ([`keep_one`]), and for those whose end would be noticed ([`may_end`]). A block is given back when the kernel has cleared
//! the tid word in it, that is, when nothing of the OS thread runs on the stack in it.
//!
//! Who owns what: an OS thread in [`LISTS`] belongs to the list; who takes it out gives it a role or a call, and rouses it.

use super::os_thread::OsThread;
use super::spawn::{SHARED, spawn};
use super::state::Wake;
use super::{carrier, cpu_clock, helper, hub, idle, tick};
use crate::abi::signal;
use crate::arch;
use crate::process;
use crate::sys::kernel::Timespec;
use crate::sys::{self, nr, spin::Spin};
use core::ptr::null;
use core::sync::atomic::{AtomicBool, Ordering::*};

/// Nanoseconds an OS thread is idle before it ends.
const IDLE: u64 = 1_000_000_000;

struct Lists {
    idle: *const OsThread,
    ended: *const OsThread,
}
// SAFETY: records stay; followed under the lock only. The link is `next_sleeper`: nobody here sleeps as a carrier.
unsafe impl Send for Lists {}

static LISTS: Spin<Lists> = Spin::new(Lists { idle: null(), ended: null() });
/// The last idle one stays.
static KEPT: AtomicBool = AtomicBool::new(false);
/// Somebody makes one that is to be idle.
static COMING: AtomicBool = AtomicBool::new(false);

/// An idle one, if there is one. It must be given something to do, and roused.
pub(super) fn take() -> Option<&'static OsThread> {
    let mut l = LISTS.lock();
    // SAFETY: see `Lists`.
    let os = unsafe { l.idle.as_ref() }?;
    l.idle = os.next_sleeper.get();
    os.listed.set(false);
    Some(os)
}

/// [`take`], or a new one. Not from the watchdog, whose descriptors a new one would have.
pub(super) fn take_or_make() -> Option<&'static OsThread> {
    take().or_else(make)
}

/// Gives back what was taken and not needed.
pub(super) fn put_back(os: &OsThread) {
    list(os);
}

/// From now on there is always an idle one, as far as the system allows.
pub(super) fn keep_one() {
    KEPT.store(true, Relaxed);
    replace();
}

/// The last idle one may have been taken: makes another one, if one is to be kept.
pub(super) fn replace() {
    if KEPT.load(Relaxed) && LISTS.lock().idle.is_null() && !COMING.swap(true, SeqCst) {
        // It need not have begun to be given a role.
        if let Some(os) = make() {
            list(os);
        }
        COMING.store(false, SeqCst);
    }
}

fn make() -> Option<&'static OsThread> {
    bury();
    let os = OsThread::new().ok()?;
    os.job.tid_word.store(1, SeqCst);
    if spawn(os, main, SHARED).is_err() {
        // SAFETY: it never began.
        unsafe { os.free() };
        return None;
    }
    Some(os)
}

/// Gives the blocks of those back that have ended.
fn bury() {
    let mut l = LISTS.lock();
    let mut kept = null();
    // SAFETY: see `Lists`.
    while let Some(os) = unsafe { l.ended.as_ref() } {
        l.ended = os.next_sleeper.get();
        if os.job.tid_word.load(SeqCst) == 0 {
            // SAFETY: the kernel clears the word when the thread has left user mode for good (kernel/fork.c, mm_release).
            unsafe { os.free() };
        } else {
            os.next_sleeper.set(kept);
            kept = os;
        }
    }
    l.ended = kept;
}

unsafe extern "C" fn main(os: usize) -> ! {
    // SAFETY: `spawn` passes a record.
    let os = unsafe { begin(os) };
    work_until_role(os);
    hub::turn_for_ever(os)
}

/// # Safety
/// `os` is the caller's record.
unsafe fn begin(os: usize) -> &'static OsThread {
    // SAFETY: by contract.
    let os = unsafe { &*(os as *const OsThread) };
    // Without one its handlers run on the hub stack, where there is room; but it cannot run virtual threads.
    os.unfit.store(os.install_alt_stack().is_err(), Relaxed);
    os.fs.set(arch::fs_base());
    let word = os.job.tid_word.as_ptr() as usize;
    // SAFETY: values and structures of our own.
    unsafe {
        os.ktid.store(sys::syscall1(nr(libc::SYS_set_tid_address), word) as i32, SeqCst);
        sys::syscall2(nr(libc::SYS_prctl), libc::PR_SET_NAME as usize, c"patchall-call".as_ptr() as usize);
    }
    signal::block_all(os);
    os
}

/// An OS thread has lost its role: it is idle, makes calls, or ends, until it has one again. From its hub; `waited`: it may
/// have been woken for work that it will not do.
pub(super) fn rest(os: &'static OsThread, waited: bool) {
    if waited {
        idle::busy();
    }
    if carrier::any_work() {
        idle::notify();
    }
    tick::stop(os);
    signal::block_all(os);
    list(os);
    work_until_role(os);
}

fn list(os: &OsThread) {
    let mut l = LISTS.lock();
    os.next_sleeper.set(l.idle);
    os.listed.set(true);
    l.idle = os;
}

/// Makes calls until it is given a role.
fn work_until_role(os: &'static OsThread) {
    loop {
        wait_for_work(os);
        if !os.carrier.load(SeqCst).is_null() {
            break;
        }
        if let Some((t, seq)) = helper::work(os) {
            list(os);
            super::wake(&t.waiter, seq, Wake::Event);
        }
    }
    signal::sync_kernel_mask(os, true);
    cpu_clock::begin(os);
    tick::arm(os);
    // Before anything that may get stuck, too, is run.
    replace();
}

/// Returns when it was roused, or not at all.
fn wait_for_work(os: &'static OsThread) {
    let op = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
    let timeout = Timespec::from_nanos(IDLE);
    let mut forever = !may_end(os);
    while os.wake.swap(0, SeqCst) == 0 {
        let limit = if forever { 0 } else { &raw const timeout as usize };
        // SAFETY: a futex wait on a word of ours.
        let r = unsafe { sys::syscall4(nr(libc::SYS_futex), os.wake.as_ptr() as usize, op, 0, limit) };
        if r == -libc::ETIMEDOUT as isize {
            match leave(os) {
                Left::Ended => arch::exit_thread(),
                Left::Kept => forever = true,
                Left::Taken => {}
            }
        }
    }
}

/// Whether nobody would notice its end: the first one is the process; children's PR_SET_PDEATHSIG tells them of the end of
/// the OS thread that forked, and the kernel drops what one has submitted to io_uring.
fn may_end(os: &OsThread) -> bool {
    !os.keeps.load(Relaxed) && os.ktid.load(Relaxed) != process::pid()
}

enum Left {
    Ended,
    /// It is the last one.
    Kept,
    /// Somebody was faster and has work for it.
    Taken,
}

fn leave(os: &OsThread) -> Left {
    let mut l = LISTS.lock();
    if !os.listed.get() {
        return Left::Taken;
    }
    if KEPT.load(Relaxed) && core::ptr::eq(l.idle, os) && os.next_sleeper.get().is_null() {
        return Left::Kept;
    }
    let mut at = &raw mut l.idle;
    // SAFETY: it is listed, so it is found; see `Lists`.
    unsafe {
        while !core::ptr::eq(*at, os) {
            at = (**at).next_sleeper.as_ptr();
        }
        *at = os.next_sleeper.get();
    }
    os.listed.set(false);
    end(&mut l, os);
    Left::Ended
}

/// The calling OS thread, which was no idle one, is about to end.
pub(super) fn retire(os: &OsThread) {
    end(&mut LISTS.lock(), os);
}

fn end(l: &mut Lists, os: &OsThread) {
    os.job.tid_word.store(1, SeqCst);
    // SAFETY: a word of our own, which the kernel clears when the thread has ended.
    unsafe { sys::syscall1(nr(libc::SYS_set_tid_address), os.job.tid_word.as_ptr() as usize) };
    tick::delete(os);
    os.next_sleeper.set(l.ended);
    l.ended = os;
}

/// For the child of a fork, which has none.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { LISTS.reset() };
    *LISTS.lock() = Lists { idle: null(), ended: null() };
    KEPT.store(false, Relaxed);
    COMING.store(false, Relaxed);
}
