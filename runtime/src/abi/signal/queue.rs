//! Pending signals, with what the kernel said of each.
//!
//! A standard signal is pending once; real-time signals (32 and up) queue (signal(7)). One lock for all queues: they are
//! short, and signals are rare.

use super::bit;
use crate::mem::{Pool, Pooled};
use crate::sys::kernel::SigInfo;
use crate::sys::spin::Spin;
use core::cell::{Cell, UnsafeCell};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::*};

struct Node {
    next: AtomicPtr<Node>,
    info: UnsafeCell<SigInfo>,
}
// SAFETY: `next` is the queue's while queued, the pool's while free.
unsafe impl Pooled for Node {
    fn next_free(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

static POOL: Pool<Node> = Pool::new();
static LOCK: Spin<()> = Spin::new(());

/// See the header. All-zero is empty.
pub(super) struct Queue {
    set: AtomicU64,
    first: Cell<*mut Node>,
}
// SAFETY: `first` and the nodes are touched under `LOCK`.
unsafe impl Sync for Queue {}

impl Queue {
    pub(super) const fn new() -> Self {
        Queue { set: AtomicU64::new(0), first: Cell::new(null_mut()) }
    }

    /// The signals in it.
    #[inline(always)]
    pub(super) fn set(&self) -> u64 {
        self.set.load(SeqCst)
    }

    /// Appends a signal.
    pub(super) fn push(&self, info: &SigInfo) {
        let _lock = LOCK.lock();
        let b = bit(info.signo);
        if info.signo < 32 && self.set.load(Relaxed) & b != 0 {
            return;
        }
        // Without memory the signal is pending all the same, without its siginfo, as in the kernel (send_signal_locked).
        if let Ok(n) = POOL.take() {
            // SAFETY: a fresh node; the list is ours under the lock.
            unsafe {
                (*n).info.get().write(*info);
                (*n).next.store(null_mut(), Relaxed);
                let mut at = self.first.as_ptr();
                while !(*at).is_null() {
                    at = (**at).next.as_ptr();
                }
                *at = n;
            }
        }
        self.set.fetch_or(b, SeqCst);
    }

    /// Takes one of the signals in `wanted`: a synchronous one first, then the lowest (kernel/signal.c, next_signal).
    pub(super) fn take(&self, wanted: u64) -> Option<SigInfo> {
        const SYNCHRONOUS: u64 = bit(libc::SIGSEGV)
            | bit(libc::SIGBUS)
            | bit(libc::SIGILL)
            | bit(libc::SIGTRAP)
            | bit(libc::SIGFPE)
            | bit(libc::SIGSYS);
        if self.set() & wanted == 0 {
            return None;
        }
        let _lock = LOCK.lock();
        let set = self.set.load(Relaxed) & wanted;
        if set == 0 {
            return None;
        }
        let from = if set & SYNCHRONOUS != 0 { set & SYNCHRONOUS } else { set };
        let sig = from.trailing_zeros() as i32 + 1;
        let mut found = None;
        let mut more = false;
        // SAFETY: the list is ours under the lock.
        unsafe {
            let mut at = self.first.as_ptr();
            while let Some(n) = (*at).as_ref() {
                if (*n.info.get()).signo != sig {
                    at = n.next.as_ptr();
                    continue;
                }
                if found.is_some() {
                    more = true;
                    break;
                }
                found = Some(*n.info.get());
                let gone = *at;
                *at = n.next.load(Relaxed);
                POOL.give(gone);
            }
        }
        if !more {
            self.set.fetch_and(!bit(sig), SeqCst);
        }
        Some(found.unwrap_or(SigInfo { signo: sig, ..Default::default() }))
    }

    /// Offers what is in it of one signal for a change, until `f` has made one; whether it has.
    pub(super) fn change(&self, sig: i32, mut f: impl FnMut(&mut SigInfo) -> bool) -> bool {
        if self.set() & bit(sig) == 0 {
            return false;
        }
        let _lock = LOCK.lock();
        let mut p = self.first.get();
        // SAFETY: the list and the infos are ours under the lock.
        while let Some(n) = unsafe { p.as_ref() } {
            // SAFETY: as above.
            let info = unsafe { &mut *n.info.get() };
            if info.signo == sig && f(info) {
                return true;
            }
            p = n.next.load(Relaxed);
        }
        false
    }

    /// Shows what is in it of `wanted`, in the order in which it came.
    pub(super) fn each(&self, wanted: u64, mut f: impl FnMut(&SigInfo)) {
        let _lock = LOCK.lock();
        let mut p = self.first.get();
        // SAFETY: the list is ours under the lock.
        while let Some(n) = unsafe { p.as_ref() } {
            // SAFETY: as above.
            let info = unsafe { *n.info.get() };
            if wanted & bit(info.signo) != 0 {
                f(&info);
            }
            p = n.next.load(Relaxed);
        }
    }

    /// Drops everything.
    pub(super) fn clear(&self) {
        while self.take(!0).is_some() {}
    }
}

/// For the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(super) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe {
        LOCK.reset();
        POOL.after_fork();
    }
}
