//! Floating point control and the extended (XSAVE) state.

use crate::sys;
use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::*};

/// MXCSR in the low half, the x87 control word above it: what the ABI calls callee-saved of the floating point state.
#[inline(always)]
pub(crate) fn fp_control() -> u64 {
    let (mut mxcsr, mut x87) = (0u32, 0u16);
    // Each is read back with the width it was written with: a wider load would have to wait until the stores have retired.
    // SAFETY: writes the two words.
    unsafe {
        asm!("stmxcsr [{0}]", "fnstcw [{1}]", in(reg) &raw mut mxcsr, in(reg) &raw mut x87,
             options(nostack, preserves_flags));
    }
    u64::from(mxcsr) | u64::from(x87) << 32
}

/// Loads what [`fp_control`] gave.
#[inline(always)]
pub(crate) fn set_fp_control(v: u64) {
    // SAFETY: the value was stored by the instructions' counterparts; the engine itself computes no floats.
    unsafe { asm!("ldmxcsr [{0}]", "fldcw [{0} + 4]", in(reg) &raw const v, options(nostack, preserves_flags)) };
}

/// Components of the extended state that a park saves: all that the system enabled, but for PKRU (bit 9: a property of the
/// thread that is switched by itself) and AMX tiles (bits 17 and 18: 8 KiB, and only after an arch_prctl).
const NOT_SAVED: u64 = 1 << 9 | 1 << 17 | 1 << 18;

/// What the processor says, once: in a virtual machine each CPUID is an exit to the hypervisor, some 20 us.
static MASK: AtomicU64 = AtomicU64::new(0);
static SIZE: AtomicUsize = AtomicUsize::new(0);

/// The mask for XSAVE, or 0 without XSAVE.
#[inline(always)]
pub(crate) fn xsave_mask() -> u64 {
    vector_state_size();
    MASK.load(Relaxed)
}

/// Bytes that XSAVE with [`xsave_mask`] may write (standard form).
#[inline(always)]
pub(crate) fn vector_state_size() -> usize {
    match SIZE.load(Acquire) {
        0 => measure(),
        size => size,
    }
}

#[cold]
fn measure() -> usize {
    let osxsave = __cpuid(1).ecx >> 27 & 1 != 0;
    // SAFETY: OSXSAVE says that xgetbv may be used.
    let mask = if osxsave { unsafe { _xgetbv(0) & !NOT_SAVED } } else { 0 };
    // CPUID leaf 13: sub-leaf i gives size and offset of component i; 576 is the legacy area and header.
    let size = (2..63).filter(|i| mask >> i & 1 != 0).fold(if osxsave { 576 } else { 512 }, |end, i| {
        let c = __cpuid_count(13, i);
        end.max((c.eax + c.ebx) as usize)
    });
    MASK.store(mask, Relaxed);
    SIZE.store(size, Release);
    size
}

/// Whether the process has asked for tile registers (arch_prctl(2), ARCH_GET_XCOMP_PERM; Documentation/arch/x86/xstate.rst).
pub(crate) fn tiles_permitted() -> bool {
    const ARCH_GET_XCOMP_PERM: usize = 0x1022;
    const XTILEDATA: u64 = 1 << 18;
    let mut permitted = 0u64;
    // SAFETY: the kernel writes the mask.
    let r = unsafe { sys::syscall2(sys::nr(libc::SYS_arch_prctl), ARCH_GET_XCOMP_PERM, &raw mut permitted as usize) };
    !sys::is_err(r) && permitted & XTILEDATA != 0
}
