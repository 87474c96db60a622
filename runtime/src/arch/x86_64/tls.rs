//! FS, and the TLS slots of the engine: the record of the virtual thread whose TLS block it is in, and the scheduler of the
//! thread's light coroutines while it has some.
//!
//! A slot is an initial-exec variable declared in assembly, so that reading it is two instructions and never calls
//! `__tls_get_addr` (which may call malloc). glibc gives every thread's block room for it; a new block reads zero, which
//! means "no virtual thread: pass everything through".

use crate::sched::thread::Thread;
use crate::task::Scheduler;
use core::arch::{asm, global_asm};

global_asm!(
    r#"
    .section .tbss,"awT",@nobits
    .globl patchall_current
    .hidden patchall_current
    .type patchall_current,@object
    .size patchall_current, 8
    .p2align 3
patchall_current:
    .zero 8
    .globl patchall_local
    .hidden patchall_local
    .type patchall_local,@object
    .size patchall_local, 8
    .p2align 3
patchall_local:
    .zero 8
    .text
"#
);

/// The scheduler of the calling thread's light coroutines, or null when it has none: what every hook asks first.
#[inline(always)]
pub(crate) fn local() -> *const Scheduler {
    let p;
    // SAFETY: reads the slot; every thread that runs Rust or libc code has a TLS block that holds it.
    unsafe {
        asm!("mov {0}, qword ptr [rip + patchall_local@GOTTPOFF]", "mov {0}, fs:[{0}]", out(reg) p,
             options(nostack, preserves_flags, readonly));
    }
    p
}

/// Sets the scheduler's slot of the calling thread.
pub(crate) fn set_local(s: *const Scheduler) {
    // SAFETY: writes the slot and nothing else.
    unsafe {
        asm!("mov {0}, qword ptr [rip + patchall_local@GOTTPOFF]", "mov fs:[{0}], {1}", out(reg) _, in(reg) s,
             options(nostack, preserves_flags));
    }
}

/// Sets the slot of the calling thread.
pub(crate) fn set_current(t: *const Thread) {
    // SAFETY: writes the slot and nothing else.
    unsafe {
        asm!("mov {0}, qword ptr [rip + patchall_current@GOTTPOFF]", "mov fs:[{0}], {1}", out(reg) _, in(reg) t,
             options(nostack, preserves_flags));
    }
}

/// Where the slot lies, relative to FS.
pub(crate) fn current_offset() -> isize {
    let off;
    // SAFETY: reads a GOT entry.
    unsafe {
        asm!("mov {0}, qword ptr [rip + patchall_current@GOTTPOFF]", out(reg) off, options(nostack, preserves_flags, readonly));
    }
    off
}

/// The FS base.
#[inline(always)]
pub(crate) fn fs_base() -> u64 {
    let r;
    // SAFETY: the engine does not start without FSGSBASE.
    unsafe { asm!("rdfsbase {}", out(reg) r, options(nomem, nostack, preserves_flags)) };
    r
}

/// Sets the FS base.
///
/// # Safety
/// No code that uses TLS may run before it is right again.
#[inline(always)]
pub(crate) unsafe fn set_fs_base(v: u64) {
    // SAFETY: by contract; FSGSBASE is there.
    unsafe { asm!("wrfsbase {}", in(reg) v, options(nostack, preserves_flags)) };
}

/// Whether the kernel lets programs use rdfsbase and wrfsbase (Linux 5.9; AT_HWCAP2 bit 1, arch/x86 elf.h).
pub(crate) fn fsgsbase() -> bool {
    // SAFETY: getauxval reads the auxiliary vector.
    unsafe { libc::getauxval(libc::AT_HWCAP2) & 2 != 0 }
}

/// The stack pointer.
#[inline(always)]
pub(crate) fn stack_pointer() -> usize {
    let r;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) r, options(nomem, nostack, preserves_flags)) };
    r
}

/// Whether it runs at one rate, whatever the processor does, asleep too (CPUID 8000_0007h, EDX bit 8).
pub(crate) fn timestamps_are_even() -> bool {
    use core::arch::x86_64::__cpuid;
    const POWER: u32 = 0x8000_0007;
    __cpuid(0x8000_0000).eax >= POWER && __cpuid(POWER).edx & 1 << 8 != 0
}

/// The time-stamp counter: cheap enough for every park; turned into time only when somebody looks.
#[inline(always)]
pub(crate) fn timestamp() -> u64 {
    // SAFETY: rdtsc is available to user code on every Linux that does not set PR_TSC_SIGSEGV.
    unsafe { core::arch::x86_64::_rdtsc() }
}
