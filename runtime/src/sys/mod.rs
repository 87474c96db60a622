//! Raw system calls: the one way from the engine to the kernel.
//!
//! Nothing here touches `errno`, libc or thread-local storage, so every function may be used while
//! libc is being patched and on the path from the gate to the hub.

use core::arch::asm;

/// Makes system call `nr`; the answer is the kernel's own (`-errno` on failure).
///
/// # Safety
/// As for the call itself, syscall(2): pointers among the arguments must suit it.
#[inline]
pub unsafe fn syscall6(
    nr: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    let result: isize;
    // SAFETY: the kernel's calling convention (syscall(2)): number in rax, six arguments, rcx and
    // r11 clobbered. What the call does to memory is the caller's promise.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") nr as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}
