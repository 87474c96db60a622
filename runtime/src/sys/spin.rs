//! A spin lock for a few instructions' worth of work inside the engine.
//!
//! Holders run with the engine's `inside` flag set, so the tick never takes the processor away from one; only the kernel
//! may. A waiter therefore spins for a moment and then gives its time slice away.

use super::{nr, syscall0};
use core::cell::UnsafeCell;
use core::hint::spin_loop;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering::*};

/// Data behind a spin lock. `const`-constructible, zero-initialised state is "unlocked".
#[repr(C)]
pub struct Spin<T> {
    locked: AtomicU32,
    data: UnsafeCell<T>,
}

// SAFETY: the lock hands out one `&mut T` at a time.
unsafe impl<T: Send> Sync for Spin<T> {}
// SAFETY: owning the lock is owning the data.
unsafe impl<T: Send> Send for Spin<T> {}

/// Turns before a waiter yields its kernel time slice.
const SPINS: u32 = 200;

impl<T> Spin<T> {
    /// An unlocked one.
    pub const fn new(data: T) -> Self {
        Spin { locked: AtomicU32::new(0), data: UnsafeCell::new(data) }
    }

    /// Takes the lock; spins, then yields, until it is free.
    #[inline(always)]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        if self.locked.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
            self.contended();
        }
        SpinGuard { lock: self }
    }

    /// Takes the lock if it is free.
    #[inline(always)]
    pub fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        // Lazily: a guard made in vain would unlock when dropped.
        self.locked.compare_exchange(0, 1, Acquire, Relaxed).is_ok().then(|| SpinGuard { lock: self })
    }

    #[cold]
    #[inline(never)]
    fn contended(&self) {
        let mut turns = 0;
        loop {
            while self.locked.load(Relaxed) != 0 {
                turns += 1;
                if turns < SPINS {
                    spin_loop();
                } else {
                    // SAFETY: sched_yield has no effect on memory.
                    unsafe { syscall0(nr(libc::SYS_sched_yield)) };
                }
            }
            if self.locked.compare_exchange(0, 1, Acquire, Relaxed).is_ok() {
                return;
            }
        }
    }

    /// Forgets a holder that does not exist in this process: for the child of a fork, before it has a second thread.
    ///
    /// # Safety
    /// No other thread may exist, and the data must be consistent or about to be replaced.
    pub unsafe fn reset(&self) {
        self.locked.store(0, Release);
    }

    /// The data, without the lock.
    pub fn as_ptr(&self) -> *mut T {
        self.data.get()
    }
}

/// Access while the lock is held.
pub struct SpinGuard<'a, T> {
    lock: &'a Spin<T>,
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard exists, so the lock is held by us.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.lock.locked.store(0, Release);
    }
}
