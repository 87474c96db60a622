//! Bound threads: virtual threads that have an OS thread of their own.
//!
//! Some state the kernel keeps for each of its threads and a program sets for one of its own: capabilities, namespaces,
//! filters of system calls, a tracer's rights. Such a thread must not change its OS thread any more, nor may another one
//! run there. So the OS thread that it is on becomes its *home*, and an idle one takes the carrier's role ([`stay_here`]);
//! only the process's first OS thread is home to none but the main thread, and others go from there to a new one. From then
//! on wakers hand the thread to its home instead of queueing it; blocking calls without
//! readiness are made at home instead of by a helper, which has other rights ([`make_here`]); threads that it makes are
//! bound from the start, to OS threads cloned from its own, so that they inherit what native ones would.
//!
//! Everything else is as for other threads: its locks, signals and descriptors are the engine's. OS threads that others
//! use (carriers, helpers) are never cloned from a home.

use super::helper::Call;
use super::os_thread::{self, OsThread};
use super::spawn::{SHARED, begin, spawn};
use super::thread::{Thread, ThreadRef};
use super::{hub, idle, spare, tids};
use crate::abi::{Step, err, scheduling, signal};
use crate::arch;
use crate::process;
use crate::sys::{self, nr};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::*;

/// Binds the running thread to the OS thread it is on; `Err`: what the call that wants it answers, perhaps that it is to be
/// stepped again elsewhere.
///
/// A process that has no other thread of either kind needs nothing: whatever comes later inherits from this one.
pub(crate) fn stay_here(t: ThreadRef) -> Result<(), Step> {
    if t.home().is_some() {
        if t.woken().is_some() {
            // It has just come here.
            scheduling::apply(t);
        }
        return Ok(());
    }
    if tids::live() == 1 && os_thread::alive() == 1 {
        return Ok(());
    }
    if !process::second_thread() {
        return Err(err(libc::ENOMEM));
    }
    let os = t.os();
    if os.ktid.load(Relaxed) == process::pid() && !t.main.get() {
        // The kernel shows the process by its first OS thread, which cannot end before it: that is no place for others.
        return Err(inherit(t).map_or(err(libc::ENOMEM), |()| Step::Move));
    }
    // The heir of the role, if it was not given away already. It must not be made later, by a home.
    let Some(heir) = spare::take_or_make() else { return Err(err(libc::ENOMEM)) };
    // SAFETY: null or a carrier; those are static.
    match unsafe { os.carrier.swap(null_mut(), SeqCst).as_ref() } {
        Some(role) => {
            hub::serve_role(heir, role);
            idle::rouse(heir);
        }
        None => spare::put_back(heir),
    }
    settle(os, t);
    scheduling::apply(t);
    Ok(())
}

fn settle(os: &OsThread, t: ThreadRef) {
    os.is_home.store(true, Relaxed);
    os.bound.store(t.as_ptr().cast_mut(), SeqCst);
    t.home.store((&raw const *os).cast_mut(), SeqCst);
}

/// Gives a thread a home that has what the calling OS thread has: one that a bound thread has made and nobody knows yet, or
/// one that is to go there.
pub(crate) fn inherit(child: ThreadRef) -> Result<(), i32> {
    let os = OsThread::new()?;
    settle(os, child);
    spawn(os, first_turn, SHARED).inspect_err(|_| {
        child.home.store(null_mut(), SeqCst);
        // SAFETY: it never began.
        unsafe { os.free() };
    })
}

unsafe extern "C" fn first_turn(os: usize) -> ! {
    // SAFETY: `spawn` passes a record.
    begin(unsafe { &*(os as *const OsThread) })
}

/// A bound thread may run: tells its home.
pub(crate) fn ready(home: &OsThread, t: ThreadRef) {
    home.mine.store(t.as_ptr().cast_mut(), SeqCst);
    idle::rouse(home);
}

/// At home: waits until the thread may run. When it has ended, so does the OS thread.
pub(crate) fn next(os: &'static OsThread) -> ThreadRef {
    loop {
        signal::route();
        signal::sync_kernel_mask(os, false);
        if let Some(t) = ThreadRef::from_ptr(os.mine.swap(null_mut(), SeqCst)) {
            super::cpu_clock::begin(os);
            return t;
        }
        if os.bound.load(SeqCst).is_null() && os.ktid.load(Relaxed) != process::pid() {
            end(os);
        }
        // The process's first OS thread stays, asleep.
        if os.wake.swap(0, SeqCst) == 0 {
            let op = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
            // SAFETY: a futex wait on a word of ours; EINTR and EAGAIN mean "look again".
            unsafe { sys::syscall4(nr(libc::SYS_futex), os.wake.as_ptr() as usize, op, 0, 0) };
        }
    }
}

fn end(os: &'static OsThread) -> ! {
    let all = !0u64;
    // SAFETY: a mask of our own. A signal that comes later finds another OS thread.
    unsafe { sys::syscall4(nr(libc::SYS_rt_sigprocmask), libc::SIG_SETMASK as usize, &raw const all as usize, 0, 8) };
    // What was routed here before is for the others.
    signal::route();
    spare::retire(os);
    arch::exit_thread()
}

/// A thread has ended: its home may.
pub(crate) fn ended(t: &Thread) {
    if let Some(home) = t.home() {
        home.bound.store(null_mut(), SeqCst);
    }
}

/// Whether an OS thread is the home of a thread that has ended, and about to end.
pub(crate) fn is_ending(ktid: i32) -> bool {
    let is = |os: &OsThread| os.is_home.load(Relaxed) && os.bound.load(SeqCst).is_null();
    ktid != process::pid() && os_thread::all().any(|os| os.ktid.load(Relaxed) == ktid && is(os))
}

/// The step function of a blocking call without readiness, for a bound thread: made here and now. A signal for the thread
/// calls it off, as it does at a helper's.
pub(crate) fn make_here(t: ThreadRef, call: &Call) -> Step {
    let os = t.os();
    let only_ours = !signal::NEVER_BLOCKED;
    let before = os.kernel_mask.get();
    os.job.called_off.store(0, SeqCst);
    set_mask(os, only_ours);
    // Whoever sends a signal pushes it first and kicks afterwards.
    let r = if signal::deliverable(&t) {
        -libc::EINTR as isize
    } else {
        // SAFETY: the program's call, with its arguments, made by the thread that asks for it.
        unsafe { arch::interruptible_call(&os.job.called_off, call) }
    };
    set_mask(os, before);
    if r == -libc::EINTR as isize && signal::deliverable(&t) { Step::Interrupted } else { Step::Done(r) }
}

/// In the signal handler: whether the call that is made at this home is to end.
pub(super) fn is_wanted(os: &OsThread) -> bool {
    // SAFETY: records are never unmapped.
    unsafe { os.bound.load(SeqCst).as_ref() }.is_some_and(signal::deliverable)
}

fn set_mask(os: &OsThread, mask: u64) {
    os.kernel_mask.set(mask);
    // SAFETY: a mask of our own.
    unsafe { sys::syscall4(nr(libc::SYS_rt_sigprocmask), libc::SIG_SETMASK as usize, &raw const mask as usize, 0, 8) };
}

/// For the child of a fork: `t` is its only thread, whose OS thread takes a carrier's role.
pub(crate) fn after_fork(os: &OsThread, t: ThreadRef) {
    t.home.store(null_mut(), Relaxed);
    os.is_home.store(false, Relaxed);
    os.bound.store(null_mut(), Relaxed);
    os.mine.store(null_mut(), Relaxed);
}
