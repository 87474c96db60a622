//! execve(2): the new program inherits the mask of the thread that calls it, what is ignored, and what is pending and
//! blocked. All three are ours, so they go to the kernel for the moment of the call.
//!
//! What is pending is copied, and directed at the calling OS thread, which alone survives: an idle one, which may have the
//! signal open, cannot take it then. If there is no new program, the copies are thrown away.

use super::{action, before, shared, sync_kernel_mask};
use crate::process;
use crate::sched::thread::ThreadRef;
use crate::sys::kernel::SigInfo;
use crate::sys::{self, nr};
use core::sync::atomic::Ordering::Relaxed;

/// To be called before the kernel's execve.
pub(crate) fn before_exec(t: ThreadRef) {
    action::before_exec();
    let mask = t.signals.mask();
    let set = libc::SIG_SETMASK as usize;
    // SAFETY: a mask of our own.
    unsafe { sys::syscall4(nr(libc::SYS_rt_sigprocmask), set, &raw const mask as usize, 0, 8) };
    let tid = t.os().ktid.load(Relaxed) as usize;
    let copy = |info: &SigInfo| {
        let (pid, sig, at) = (process::pid() as usize, info.signo as usize, core::ptr::from_ref(info) as usize);
        // SAFETY: rt_tgsigqueueinfo(2) copies the structure.
        unsafe { sys::syscall4(nr(libc::SYS_rt_tgsigqueueinfo), pid, tid, sig, at) };
    };
    super::route();
    t.signals.pending.each(mask, copy);
    shared::QUEUE.each(mask, copy);
}

/// The program was not replaced after all.
pub(crate) fn after_failed_exec(t: ThreadRef) {
    before::take_own(|_| {});
    action::after_failed_exec();
    sync_kernel_mask(t.os(), true);
}
