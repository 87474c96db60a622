//! A whole context of a thread: what the kernel puts on the stack for a signal handler, kept in memory of our own.
//!
//! The tick copies the interrupted context into one of these instead of leaving it on the program's stack (invariant 12);
//! the thread goes on from it by rt_sigreturn, on any OS thread. A return from a signal handler goes the same way.

use crate::arch;
use crate::mem::{Pool, Pooled};
use crate::sys::kernel::UContext;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::*};

/// Room for the extended state: what the kernel writes without AMX is at most 2.7 KiB, with it 11 KiB.
const VECTORS: usize = 3 << 10;

/// See the header. The kernel wants the extended state 64-byte aligned.
#[repr(C, align(64))]
pub(crate) struct SavedContext {
    vectors: UnsafeCell<[u8; VECTORS]>,
    pub(crate) uc: UnsafeCell<UContext>,
    next: AtomicPtr<SavedContext>,
}

// SAFETY: `next` is only used while the record is free.
unsafe impl Pooled for SavedContext {
    fn next_free(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

static POOL: Pool<SavedContext> = Pool::new();
/// Bytes the kernel's frames may need, 0 before `check`.
static NEEDED: AtomicUsize = AtomicUsize::new(0);

/// Whether this machine's extended state fits; asked once, before the gate opens.
pub(crate) fn check() -> bool {
    NEEDED.store(arch::vector_state_size(), Relaxed);
    arch::vector_state_size() + 4 <= VECTORS
}

/// Where the kernel says how large the extended state in a frame is: `fpx_sw_bytes.extended_size`
/// (arch/x86/include/uapi/asm/sigcontext.h), valid when its magic is there.
const SW_BYTES: usize = 464;
const MAGIC1: u32 = 0x4650_5853;
const FXSAVE: usize = 512;

/// Bytes of extended state behind the frame's `fpstate` pointer.
///
/// # Safety
/// `fpstate` is 0 or points to 512 readable bytes.
pub(crate) unsafe fn vector_bytes(fpstate: usize) -> usize {
    if fpstate == 0 {
        return 0;
    }
    // SAFETY: by contract; both words lie within the first 512 bytes.
    unsafe {
        let sw = (fpstate + SW_BYTES) as *const u32;
        if sw.read() == MAGIC1 { (sw.add(1).read() as usize).max(FXSAVE) } else { FXSAVE }
    }
}

impl SavedContext {
    /// A free one.
    pub(crate) fn take() -> Result<*mut SavedContext, i32> {
        POOL.take()
    }

    /// Takes one back; null is nothing.
    pub(crate) fn give(p: *mut SavedContext) {
        if !p.is_null() {
            // SAFETY: who gives has no use for it any more.
            unsafe { POOL.give(p) };
        }
    }

    /// Copies a context the kernel wrote. False when its extended state does not fit: the thread is not preempted then.
    ///
    /// # Safety
    /// `uc` and the extended state it points to are readable and complete.
    pub(crate) unsafe fn store(&self, uc: &UContext) -> bool {
        // SAFETY: by contract.
        let n = unsafe { vector_bytes(uc.mcontext.fpstate as usize) };
        if n > VECTORS {
            return false;
        }
        // SAFETY: this record belongs to the caller; sizes checked.
        unsafe {
            let to = self.uc.get();
            to.write(*uc);
            if n > 0 {
                core::ptr::copy_nonoverlapping(uc.mcontext.fpstate as *const u8, self.vectors.get().cast(), n);
                (*to).mcontext.fpstate = self.vectors.get() as u64;
            }
        }
        true
    }

    /// Where the extended state goes, for one that is filled by hand.
    pub(crate) fn vectors(&self) -> (*mut u8, usize) {
        (self.vectors.get().cast(), VECTORS)
    }

    /// The pool's lock, held across a fork.
    pub(crate) fn freeze_pool() -> impl Drop {
        POOL.freeze()
    }
}

/// Memory for the extended state of a thread that parks at a site outside libc; kept until the thread ends.
pub(crate) fn vector_area() -> Result<*mut u8, i32> {
    // A SavedContext begins with such an area; one pool serves both.
    SavedContext::take().map(|p| p.cast())
}
