//! How other threads wake a thread's coroutines: by a message in its inbox, and an eventfd when the thread sleeps.
//!
//! The thread says that it is about to sleep, and looks into the inbox once more; whoever posts puts the message in, and
//! looks whether the thread sleeps. Both are sequentially consistent, so at least one of them sees the other.

use super::events;
use crate::sys::{self, nr};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::*};
use std::sync::{Mutex, PoisonError};

/// Which park of which coroutine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    /// Its place among the live ones; `u32::MAX`: the root.
    pub(super) slot: u32,
    pub(super) id: u64,
    /// The park, or [`Key::UNPARK`].
    pub(super) seq: u64,
}

impl Key {
    /// In place of a park's number: whichever it is in, or the next one.
    pub(super) const UNPARK: u64 = u64::MAX;
}

/// See the header.
pub(crate) struct Inbox {
    keys: Mutex<Vec<Key>>,
    filled: AtomicBool,
    sleeping: AtomicBool,
    bell: AtomicI32,
}

impl Inbox {
    pub(super) fn new() -> Inbox {
        Inbox {
            keys: Mutex::default(),
            filled: AtomicBool::new(false),
            sleeping: AtomicBool::new(false),
            bell: AtomicI32::new(-1),
        }
    }

    /// Wakes a coroutine of the thread that owns this. Any thread may call it.
    pub(crate) fn post(&self, key: Key) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        self.filled.store(true, SeqCst);
        if self.sleeping.swap(false, SeqCst) {
            let one = 1u64;
            // SAFETY: eight readable bytes; the descriptor is ours as long as this lives.
            unsafe { sys::syscall3(nr(libc::SYS_write), self.bell.load(Relaxed) as usize, &raw const one as usize, 8) };
        }
    }

    /// Whether there are messages.
    #[inline]
    pub(super) fn is_filled(&self) -> bool {
        self.filled.load(Relaxed)
    }

    /// Takes all messages out.
    pub(super) fn take(&self) -> Vec<Key> {
        self.filled.store(false, SeqCst);
        std::mem::take(&mut *self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The thread is about to sleep until its bell rings. False: it must not, there are messages.
    pub(super) fn sleep(&self) -> bool {
        self.sleeping.store(true, SeqCst);
        if self.filled.load(SeqCst) {
            self.sleeping.store(false, SeqCst);
            return false;
        }
        true
    }

    /// The thread is up again. True: it was rung for.
    pub(super) fn wake_up(&self) {
        if !self.sleeping.swap(false, SeqCst) {
            let mut count = 0u64;
            // SAFETY: room for eight bytes; the descriptor does not block. (The ringer may not have written yet: then the
            // next sleep is a short one.)
            unsafe { sys::syscall3(nr(libc::SYS_read), self.bell.load(Relaxed) as usize, &raw mut count as usize, 8) };
        }
    }

    /// The descriptor that rings, made at first use; `None`: the kernel gives none.
    pub(super) fn bell(&self) -> Option<i32> {
        let known = self.bell.load(Relaxed);
        if known >= 0 {
            return Some(known);
        }
        // SAFETY: no pointers.
        let low = events::by_libc(|| unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) });
        if low < 0 {
            return None;
        }
        let fd = events::out_of_the_way(low);
        self.bell.store(fd, Relaxed);
        Some(fd)
    }

    /// For the child of a fork: the bell is the parent's.
    pub(super) fn after_fork(&self) {
        self.close();
        self.sleeping.store(false, Relaxed);
        if let Ok(mut keys) = self.keys.try_lock() {
            keys.clear();
            self.filled.store(false, Relaxed);
        }
    }

    fn close(&self) {
        let fd = self.bell.swap(-1, Relaxed);
        if fd >= 0 {
            events::close(fd);
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.close();
    }
}
