//! Fault-safe access to the program's memory: the kernel's `copy_from_user`, in user space.
//!
//! A bad pointer must give EFAULT, not a SIGSEGV in the engine (DESIGN, invariant 10). Three leaf routines touch program
//! memory: a copy, a 32-bit load and a 32-bit compare-and-swap. Each has one instruction that may fault and a place to go
//! on at when it does; the engine's SIGSEGV and SIGBUS handler asks [`fixup`] before anything else. Nothing outside this
//! file reads or writes a pointer that came from the program, except by giving it to the kernel.

use core::arch::global_asm;
use core::mem::MaybeUninit;

/// The program gave an address that cannot be read or written: EFAULT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

global_asm!(
    r#"
    .text
    // rdi = to, rsi = from, rdx = bytes; rax = bytes that were NOT copied.
    .type patchall_user_copy,@function
    .hidden patchall_user_copy
    .globl patchall_user_copy
patchall_user_copy:
    .cfi_startproc
    mov rcx, rdx
    .hidden patchall_user_copy_at
    .globl patchall_user_copy_at
patchall_user_copy_at:
    rep movsb
    .hidden patchall_user_copy_out
    .globl patchall_user_copy_out
patchall_user_copy_out:
    mov rax, rcx
    ret
    .cfi_endproc
    .size patchall_user_copy, . - patchall_user_copy

    // rdi = address; rax = the word, or bit 32 set when it cannot be read.
    .type patchall_user_load,@function
    .hidden patchall_user_load
    .globl patchall_user_load
patchall_user_load:
    .cfi_startproc
    .hidden patchall_user_load_at
    .globl patchall_user_load_at
patchall_user_load_at:
    mov eax, dword ptr [rdi]
    ret
    .hidden patchall_user_load_out
    .globl patchall_user_load_out
patchall_user_load_out:
    mov eax, 1
    shl rax, 32
    ret
    .cfi_endproc
    .size patchall_user_load, . - patchall_user_load

    // rdi = address, esi = expected, edx = new; rax = the word found, or bit 32 set on a fault.
    .type patchall_user_cas,@function
    .hidden patchall_user_cas
    .globl patchall_user_cas
patchall_user_cas:
    .cfi_startproc
    mov eax, esi
    .hidden patchall_user_cas_at
    .globl patchall_user_cas_at
patchall_user_cas_at:
    lock cmpxchg dword ptr [rdi], edx
    mov eax, eax
    ret
    .hidden patchall_user_cas_out
    .globl patchall_user_cas_out
patchall_user_cas_out:
    mov eax, 1
    shl rax, 32
    ret
    .cfi_endproc
    .size patchall_user_cas, . - patchall_user_cas
"#
);

unsafe extern "C" {
    fn patchall_user_copy(to: usize, from: usize, len: usize) -> usize;
    fn patchall_user_load(addr: usize) -> u64;
    fn patchall_user_cas(addr: usize, expected: u32, new: u32) -> u64;
    static patchall_user_copy_at: u8;
    static patchall_user_copy_out: u8;
    static patchall_user_load_at: u8;
    static patchall_user_load_out: u8;
    static patchall_user_cas_at: u8;
    static patchall_user_cas_out: u8;
}

/// Where to go on after a fault at `pc`, if `pc` is one of ours that may fault. Safe in a signal handler.
pub fn fixup(pc: usize) -> Option<usize> {
    let table = [
        (&raw const patchall_user_copy_at, &raw const patchall_user_copy_out),
        (&raw const patchall_user_load_at, &raw const patchall_user_load_out),
        (&raw const patchall_user_cas_at, &raw const patchall_user_cas_out),
    ];
    table.iter().find(|(at, _)| *at as usize == pc).map(|(_, out)| *out as usize)
}

/// Addresses a user pointer may have (`TASK_SIZE_MAX`): beyond it the fault would be a general protection one.
const USER_LIMIT: usize = 1 << 47;

fn in_range(addr: usize, len: usize) -> Result<(), Fault> {
    match addr.checked_add(len) {
        Some(end) if end < USER_LIMIT => Ok(()),
        _ => Err(Fault),
    }
}

/// Copies `len` bytes from the program's `from` to the engine's `to`.
///
/// # Safety
/// `to` is the engine's and has `len` writable bytes.
pub unsafe fn copy_in(to: *mut u8, from: usize, len: usize) -> Result<(), Fault> {
    in_range(from, len)?;
    // SAFETY: `to` by contract; a fault on `from` is fixed up.
    if unsafe { patchall_user_copy(to as usize, from, len) } == 0 { Ok(()) } else { Err(Fault) }
}

/// Copies `len` bytes from the engine's `from` to the program's `to`. On a fault the first part may have been written,
/// as with the kernel's `copy_to_user`.
///
/// # Safety
/// `from` is the engine's and has `len` readable bytes.
pub unsafe fn copy_out(to: usize, from: *const u8, len: usize) -> Result<(), Fault> {
    in_range(to, len)?;
    // SAFETY: `from` by contract; a fault on `to` is fixed up.
    if unsafe { patchall_user_copy(to, from as usize, len) } == 0 { Ok(()) } else { Err(Fault) }
}

/// A type of which every bit pattern is a value and which has no padding that matters.
///
/// # Safety
/// As said.
pub unsafe trait Plain: Copy {}
macro_rules! plain {
    ($($t:ty),*) => {$(
        // SAFETY: integers, or a #[repr(C)] structure of integers.
        unsafe impl Plain for $t {}
    )*};
}
plain!(u8, [u8; 16], u32, i32, u64, i64, usize, isize, [u64; 2], [i64; 2], [i64; 4], libc::pollfd);
plain!(super::kernel::Timespec, super::kernel::SigAction, super::kernel::RobustListHead, super::kernel::CloneArgs);
plain!(
    super::kernel::SigStack,
    super::kernel::SigInfo,
    super::kernel::UContext,
    super::kernel::SigFrame,
    super::kernel::IoVec,
    super::kernel::FutexWaiter
);

/// Reads a value at the program's `addr`.
pub fn get<T: Plain>(addr: usize) -> Result<T, Fault> {
    let mut v = MaybeUninit::<T>::uninit();
    // SAFETY: `v` has room for a T, and any bytes are a T.
    unsafe {
        copy_in(v.as_mut_ptr().cast(), addr, size_of::<T>())?;
        Ok(v.assume_init())
    }
}

/// Writes a value at the program's `addr`.
pub fn put<T: Plain>(addr: usize, v: &T) -> Result<(), Fault> {
    // SAFETY: `v` is readable.
    unsafe { copy_out(addr, (v as *const T).cast(), size_of::<T>()) }
}

/// Loads a futex word: 4 bytes, aligned by the caller's check.
#[inline]
pub fn load(addr: usize) -> Result<u32, Fault> {
    in_range(addr, 4)?;
    // SAFETY: a fault is fixed up.
    let r = unsafe { patchall_user_load(addr) };
    if r >> 32 == 0 { Ok(r as u32) } else { Err(Fault) }
}

/// Compare-and-swap on a futex word, sequentially consistent; gives the word that was found.
pub fn cas(addr: usize, expected: u32, new: u32) -> Result<u32, Fault> {
    in_range(addr, 4)?;
    // SAFETY: a fault is fixed up.
    let r = unsafe { patchall_user_cas(addr, expected, new) };
    if r >> 32 == 0 { Ok(r as u32) } else { Err(Fault) }
}

/// Changes a futex word atomically by `f`; gives the old one.
pub fn update(addr: usize, f: impl Fn(u32) -> u32) -> Result<u32, Fault> {
    let mut old = load(addr)?;
    loop {
        let found = cas(addr, old, f(old))?;
        if found == old {
            return Ok(old);
        }
        old = found;
    }
}

#[cfg(test)]
mod tests;
