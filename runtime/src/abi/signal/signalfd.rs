//! Signals that a signalfd of the program's reads: while every thread blocks them they belong in the kernel's queue.
//!
//! A carrier that does not yet block such a signal takes it all the same, and it goes back by rt_sigqueueinfo(2). With an
//! `si_code` of the kernel's or of kill(2) only the process's first OS thread may do that (kernel/signal.c,
//! do_rt_sigqueueinfo compares the *thread's* id with the process's); any other one leaves it for that one, in [`BACK`], and
//! kicks it. (Without that the signal was lost: EPERM.)

use super::inbox::Inbox;
use super::shared::{self, QUEUE};
use super::{KERNEL_MASK, UNBLOCKABLE, bit, handler, sync_kernel_mask};
use crate::process;
use crate::sched::os_thread::{self, OsThread};
use crate::sched::tick;
use crate::sys::kernel::SigInfo;
use crate::sys::{self, nr};
use core::sync::atomic::{AtomicU64, Ordering::*};

static SIGNALS: AtomicU64 = AtomicU64::new(0);
/// To be given back by the first OS thread.
static BACK: Inbox = Inbox::new();

/// Whether a signalfd reads the signal.
pub(super) fn reads(b: u64) -> bool {
    SIGNALS.load(SeqCst) & b != 0
}

/// The program makes a signalfd for these.
pub(super) fn opened(set: u64) {
    // Said first, looked at second: `shared::call` keeps first and looks here then.
    SIGNALS.fetch_or(set & !UNBLOCKABLE, SeqCst);
    let mut left = set & QUEUE.set();
    while left != 0 {
        let b = left & left.wrapping_neg();
        left &= !b;
        while shared::taker(b).is_none()
            && let Some(info) = QUEUE.take(b)
        {
            give_back(&info);
        }
    }
}

/// Puts a signal into the kernel's queue, blocked. A carrier that has it open still sends it here once more.
pub(super) fn give_back(info: &SigInfo) {
    KERNEL_MASK.fetch_or(bit(info.signo) & !handler::NEVER_BLOCKED, SeqCst);
    if let Some(os) = OsThread::here() {
        sync_kernel_mask(os, false);
    }
    let pid = process::pid();
    if queue(info) == -libc::EPERM as isize
        && let Some(first) = os_thread::all().find(|os| os.ktid.load(Relaxed) == pid)
    {
        BACK.post(info);
        tick::kick(first);
    }
    // Who has opened the signal meanwhile may have looked at the mask before.
    let b = bit(info.signo);
    if shared::taker(b).is_some() {
        KERNEL_MASK.fetch_and(!b, SeqCst);
    }
}

fn queue(info: &SigInfo) -> isize {
    let (pid, sig, at) = (process::pid() as usize, info.signo as usize, core::ptr::from_ref(info) as usize);
    // SAFETY: rt_sigqueueinfo(2) copies the structure.
    unsafe { sys::syscall3(nr(libc::SYS_rt_sigqueueinfo), pid, sig, at) }
}

/// In the handler of the engine's signal, wherever it interrupts.
pub(super) fn on_tick() {
    // SAFETY: gettid has no effect.
    if BACK.has_some() && unsafe { sys::syscall0(nr(libc::SYS_gettid)) } as i32 == process::pid() {
        BACK.drain(|info| _ = queue(info));
    }
}

/// For the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(super) unsafe fn after_fork() {
    BACK.forget();
}
