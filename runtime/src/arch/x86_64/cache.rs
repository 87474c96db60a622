//! Asking the processor for memory that will be needed soon.

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Fetches the line at an address, which may be any: one that is not mapped is ignored (PREFETCHh in the manuals of both
/// makers).
#[inline(always)]
pub(crate) fn prefetch(addr: usize) {
    // SAFETY: a hint, without effect on memory.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(addr as *const i8) };
}
