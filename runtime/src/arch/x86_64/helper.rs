//! One system call that can be called off.
//!
//! Between `first` and `end` the call has not been made, or the kernel is about to make it again (SA_RESTART puts the
//! program counter back onto the `syscall`). The handler of the signal that calls it off, when it finds the counter there,
//! moves it to `out`: so the request is never lost between the look at the flag and the call, and a call that was faster
//! keeps its result.

use core::arch::global_asm;
use core::sync::atomic::AtomicU32;

global_asm!(
    r#"
    .text
    // rdi = the flag, rsi = number and six arguments; rax = the result.
    .type patchall_helper_call,@function
    .hidden patchall_helper_call
    .globl patchall_helper_call
patchall_helper_call:
    .cfi_startproc
    mov rcx, rdi
    mov rax, [rsi]
    mov rdi, [rsi + 8]
    mov rdx, [rsi + 24]
    mov r10, [rsi + 32]
    mov r8, [rsi + 40]
    mov r9, [rsi + 48]
    mov rsi, [rsi + 16]
    .hidden patchall_helper_first
    .globl patchall_helper_first
patchall_helper_first:
    cmp dword ptr [rcx], 0
    jne patchall_helper_out
    syscall
    .hidden patchall_helper_end
    .globl patchall_helper_end
patchall_helper_end:
    ret
    .hidden patchall_helper_out
    .globl patchall_helper_out
patchall_helper_out:
    mov rax, {eintr}
    ret
    .cfi_endproc
    .size patchall_helper_call, . - patchall_helper_call
"#,
    eintr = const -libc::EINTR,
);

unsafe extern "C" {
    fn patchall_helper_call(flag: *const AtomicU32, call: *const [usize; 7]) -> isize;
    static patchall_helper_first: u8;
    static patchall_helper_end: u8;
    static patchall_helper_out: u8;
}

/// Makes a call: number and arguments. `-EINTR` without it when `flag` is set.
///
/// # Safety
/// As for the call itself.
pub(crate) unsafe fn interruptible_call(flag: &AtomicU32, call: &[usize; 7]) -> isize {
    // SAFETY: by contract.
    unsafe { patchall_helper_call(flag, call) }
}

/// Where to go on instead, when a call at `pc` is called off; `None`: it has been made, or it is not one of ours.
pub(crate) fn call_off(pc: usize) -> Option<usize> {
    let (first, end) = (&raw const patchall_helper_first as usize, &raw const patchall_helper_end as usize);
    (first..end).contains(&pc).then_some(&raw const patchall_helper_out as usize)
}

/// Ends the calling OS thread without touching its stack any more.
pub(crate) fn exit_thread() -> ! {
    // SAFETY: exit(2) of a thread does not return.
    unsafe { core::arch::asm!("syscall", "ud2", in("rax") libc::SYS_exit, in("rdi") 0, options(noreturn, nostack)) }
}
