//! Where a signal handler leaves what engine code is to look after: a fixed array of slots, each claimed with one
//! compare-and-swap. No locks, so a handler may fill it, and empty it, whatever it interrupts.

use crate::sys::kernel::SigInfo;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering::*};

const FREE: u8 = 0;
const FILLING: u8 = 1;
const FULL: u8 = 2;
const SLOTS: usize = 256;

struct Slot {
    state: AtomicU8,
    info: UnsafeCell<SigInfo>,
}
// SAFETY: whoever moved `state` from FREE to FILLING, or from FULL to FILLING, owns `info`.
unsafe impl Sync for Slot {}

/// See the header.
pub(super) struct Inbox {
    slots: [Slot; SLOTS],
    count: AtomicUsize,
}

impl Inbox {
    pub(super) const fn new() -> Self {
        Inbox {
            slots: [const { Slot { state: AtomicU8::new(FREE), info: UnsafeCell::new(SigInfo::EMPTY) } }; SLOTS],
            count: AtomicUsize::new(0),
        }
    }

    #[inline(always)]
    pub(super) fn has_some(&self) -> bool {
        self.count.load(Relaxed) != 0
    }

    /// Puts a signal in. With 256 in it already it is lost, as with a full queue of the kernel's.
    pub(super) fn post(&self, info: &SigInfo) {
        for s in &self.slots {
            if s.state.compare_exchange(FREE, FILLING, Acquire, Relaxed).is_ok() {
                // SAFETY: see `Slot`.
                unsafe { s.info.get().write(*info) };
                s.state.store(FULL, Release);
                self.count.fetch_add(1, SeqCst);
                return;
            }
        }
    }

    /// Empties it.
    pub(super) fn drain(&self, f: impl Fn(&SigInfo)) {
        for s in &self.slots {
            if s.state.compare_exchange(FULL, FILLING, Acquire, Relaxed).is_ok() {
                // SAFETY: see `Slot`.
                let info = unsafe { s.info.get().read() };
                s.state.store(FREE, Release);
                self.count.fetch_sub(1, SeqCst);
                f(&info);
            }
        }
    }

    /// Drops all, and slots that a thread which does not exist any more was filling: for the child of a fork.
    pub(super) fn forget(&self) {
        for s in &self.slots {
            s.state.store(FREE, Relaxed);
        }
        self.count.store(0, Relaxed);
    }
}
