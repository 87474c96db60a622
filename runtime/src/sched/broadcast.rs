//! One system call on every OS thread of the engine: for state that the kernel keeps per thread and POSIX per process
//! (user and group ids), or that a program sets in the belief that a virtual thread stays where it is.
//!
//! The caller publishes the call and sends the engine's signal to every other OS thread; the handler makes the call there,
//! wherever it interrupts, and counts. It touches nothing of what it interrupts, so it may run inside the engine, too.

use super::os_thread::{self, OsThread};
use super::tick;
use crate::sys::kernel::SigInfo;
use crate::sys::spin::Spin;
use crate::sys::{self, nr};
use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::*};

/// What the engine's signal carries when it means this.
pub(crate) const COOKIE: u64 = 0x7061_7463_6861_6c62;

static ONE_AT_A_TIME: Spin<()> = Spin::new(());
static CALL: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];
static DONE: AtomicUsize = AtomicUsize::new(0);
/// The first error somebody got.
static ERROR: AtomicIsize = AtomicIsize::new(0);

/// While it is held no call goes everywhere: for making an OS thread, which inherits what its maker has.
pub(crate) fn hold() -> impl Drop {
    ONE_AT_A_TIME.lock()
}

/// Makes a call of up to three arguments on the calling OS thread, and, if it succeeds, on all others; the caller's result.
///
/// # Safety
/// The call must be harmless to make from a signal handler, and not depend on memory that changes meanwhile.
pub(crate) unsafe fn everywhere(number: usize, args: [usize; 3]) -> isize {
    let _turn = ONE_AT_A_TIME.lock();
    // SAFETY: by contract.
    let own = unsafe { sys::syscall3(number, args[0], args[1], args[2]) };
    if sys::is_err(own) {
        return own;
    }
    for (slot, v) in CALL.iter().zip([number, args[0], args[1], args[2]]) {
        slot.store(v, Relaxed);
    }
    DONE.store(0, Relaxed);
    ERROR.store(0, Relaxed);
    core::sync::atomic::fence(SeqCst);
    let here = OsThread::here();
    let mut told = 0;
    for os in os_thread::all() {
        let me = here.is_some_and(|h| core::ptr::eq(h, os));
        if !me && os.ktid.load(SeqCst) != 0 && tell(os) {
            told += 1;
        }
    }
    while DONE.load(SeqCst) < told {
        // SAFETY: gives the time slice away.
        unsafe { sys::syscall0(nr(libc::SYS_sched_yield)) };
    }
    if ERROR.load(SeqCst) != 0 {
        // Half the process has other credentials now: glibc aborts here, too (nptl/nptl_setxid.c).
        sys::die("credentials could not be changed in all kernel threads");
    }
    own
}

fn tell(os: &OsThread) -> bool {
    let mut info = SigInfo { signo: tick::SIGNAL, code: tick::SI_QUEUE, ..Default::default() };
    info.fields[1] = COOKIE;
    let (pid, tid) = (crate::process::pid() as usize, os.ktid.load(Relaxed) as usize);
    // SAFETY: the kernel copies the structure.
    let r = unsafe {
        sys::syscall4(nr(libc::SYS_rt_tgsigqueueinfo), pid, tid, tick::SIGNAL as usize, &raw const info as usize)
    };
    !sys::is_err(r)
}

/// Whether a signal is a request.
pub(crate) fn is_ours(info: &SigInfo) -> bool {
    info.signo == tick::SIGNAL && info.code == tick::SI_QUEUE && info.fields[1] == COOKIE
}

/// In the signal handler: makes the call.
pub(crate) fn on_signal() {
    let [number, a, b, c] = [&CALL[0], &CALL[1], &CALL[2], &CALL[3]].map(|v| v.load(SeqCst));
    // SAFETY: published by `everywhere`, whose caller answers for it.
    let r = unsafe { sys::syscall3(number, a, b, c) };
    if sys::is_err(r) {
        ERROR.store(r, SeqCst);
    }
    DONE.fetch_add(1, SeqCst);
}

/// For the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { ONE_AT_A_TIME.reset() };
}
