//! What the poller sleeps on where there is no eventfd: a futex word.

use crate::sys::kernel::Timespec;
use crate::sys::{self, nr};
use core::sync::atomic::{AtomicU32, Ordering::*};

/// 1: a kick came and nobody has taken it.
pub(super) struct Word(AtomicU32);

impl Word {
    pub(super) const fn new() -> Self {
        Word(AtomicU32::new(0))
    }

    /// Takes a kick, or waits for one at most `timeout` nanoseconds, `None`: until it comes, or a signal.
    pub(super) fn wait(&self, timeout: Option<u64>) {
        if self.0.swap(0, SeqCst) == 0 && timeout != Some(0) {
            let limit = timeout.map(Timespec::from_nanos);
            let at = limit.as_ref().map_or(0, |l| core::ptr::from_ref(l) as usize);
            let op = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
            // SAFETY: a futex wait on a word of ours.
            unsafe { sys::syscall4(nr(libc::SYS_futex), self.0.as_ptr() as usize, op, 0, at) };
            self.0.store(0, SeqCst);
        }
    }

    /// Ends the wait, the present one or the next. Safe in a signal handler.
    pub(super) fn wake(&self) {
        self.0.store(1, SeqCst);
        let op = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize;
        // SAFETY: a futex wake on a word of ours.
        unsafe { sys::syscall3(nr(libc::SYS_futex), self.0.as_ptr() as usize, op, 1) };
    }
}
