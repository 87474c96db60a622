//! The one module through which the engine reaches the kernel.
//!
//! Every function here is a raw `syscall` instruction: no errno, no TLS, no libc symbol, so that it can run where the
//! program's libc is interrupted. Results are the kernel's: a value, or `-errno` in `-4095..0`.

pub mod kernel;
pub mod spin;
pub mod text;
pub mod user;
pub(crate) mod vdso;

use core::arch::asm;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A result as the kernel gives it: a value, or minus an errno.
pub type KResult = isize;

/// Whether a raw result is an error (`-4095..0`).
#[inline(always)]
pub fn is_err(r: KResult) -> bool {
    (-4095..0).contains(&r)
}

/// One raw system call.
///
/// # Safety
/// As for the call itself: the kernel may read and write whatever the arguments point to.
#[inline(always)]
pub unsafe fn syscall6(nr: usize, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> KResult {
    let r: isize;
    // SAFETY: the psABI (A.2.1): rax, rcx and r11 are the only registers the kernel changes; the caller answers for the rest.
    unsafe {
        asm!("syscall", inlateout("rax") nr as isize => r, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
             in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    r
}

macro_rules! narrower {
    ($($name:ident($($arg:ident),*) fills ($($zero:expr),*);)*) => {$(
        /// [`syscall6`] with fewer arguments.
        ///
        /// # Safety
        /// As for [`syscall6`].
        #[inline(always)]
        #[allow(clippy::too_many_arguments)]
        pub unsafe fn $name(nr: usize, $($arg: usize),*) -> KResult {
            // SAFETY: the caller's promise is passed on.
            unsafe { syscall6(nr, $($arg,)* $($zero),*) }
        }
    )*};
}
narrower! {
    syscall0() fills (0, 0, 0, 0, 0, 0);
    syscall1(a) fills (0, 0, 0, 0, 0);
    syscall2(a, b) fills (0, 0, 0, 0);
    syscall3(a, b, c) fills (0, 0, 0);
    syscall4(a, b, c, d) fills (0, 0);
    syscall5(a, b, c, d, e) fills (0);
}

/// A `syscall` number as the dispatcher and `syscall6` want it.
pub const fn nr(n: libc::c_long) -> usize {
    n as usize
}

/// Monotonic nanoseconds: the clock of every deadline inside the engine.
#[inline]
pub fn monotonic() -> u64 {
    vdso::now(libc::CLOCK_MONOTONIC)
}

/// Anonymous private memory, readable and writable, not reserved against the overcommit limit.
pub fn map(len: usize) -> Result<*mut u8, i32> {
    map_with(len, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_NORESERVE)
}

/// Anonymous private memory with the given protection and extra flags.
pub fn map_with(len: usize, prot: i32, flags: i32) -> Result<*mut u8, i32> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags;
    // SAFETY: a new mapping, without MAP_FIXED, changes nothing that exists.
    let r = unsafe { syscall6(nr(libc::SYS_mmap), apart(len), len, prot as usize, flags as usize, usize::MAX, 0) };
    if is_err(r) { Err(-r as i32) } else { Ok(r as *mut u8) }
}

/// Where a large mapping of `len` bytes should lie, 0 for anywhere: far below the libraries. Right below them, where the
/// kernel puts what has no place of its own, is where some system call sites need their trampolines: within 2 GiB of the
/// code, and at places that are not ours to choose (`gate/window.rs`, borrowed). A hint only.
fn apart(len: usize) -> usize {
    const LARGE: usize = 1 << 20;
    const DISTANCE: usize = 16 << 30;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    if len < LARGE {
        return 0;
    }
    let first = (map_with as *const () as usize).saturating_sub(DISTANCE);
    let _ = NEXT.compare_exchange(0, first, Relaxed, Relaxed);
    let below = |end: usize| Some(end.checked_sub(len)? & !(LARGE - 1));
    NEXT.fetch_update(Relaxed, Relaxed, below).ok().and_then(below).unwrap_or(0)
}

/// Gives whole pages of the engine's own mappings back: from `from` to `to`, if there is anything between.
pub fn unmap(from: usize, to: usize) {
    if from < to {
        // SAFETY: only for memory of the engine's own that nobody uses any more.
        unsafe { syscall2(nr(libc::SYS_munmap), from, to - from) };
    }
}

/// A memory barrier in every running thread of the process (membarrier(2)): for rare events, so that what happens often
/// needs none. A process whose sandbox refuses the call does without.
pub fn barrier_everywhere() {
    let call = |command: i32| {
        // SAFETY: membarrier has no pointers.
        unsafe { syscall3(nr(libc::SYS_membarrier), command as usize, 0, 0) }
    };
    if call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) == -libc::EPERM as isize {
        // The first time in this process.
        call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
        call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    }
}

/// Large reservations of which little is touched would be written to a core file whole (madvise(2), MADV_DONTDUMP).
pub fn keep_out_of_cores(addr: usize, len: usize) {
    // SAFETY: only for mappings of the engine's own; the advice changes nothing but core files.
    unsafe { syscall3(nr(libc::SYS_madvise), addr, len, libc::MADV_DONTDUMP as usize) };
}

/// Writes a message to descriptor 2, whole or not at all; used where nothing else can be done.
pub fn stderr(text: &[u8]) {
    // SAFETY: the slice is readable; a failure (closed stderr) has nobody to be told.
    unsafe { syscall3(nr(libc::SYS_write), 2, text.as_ptr() as usize, text.len()) };
}

/// Ends the process because the engine found itself broken: the only thing it does about its own bugs.
#[cold]
pub fn die(what: &str) -> ! {
    stderr(b"patchall: internal error: ");
    stderr(what.as_bytes());
    stderr(b"\n");
    // SAFETY: SIGABRT with the default action ends the process; the loop covers a handler that returns.
    unsafe {
        let dfl = kernel::SigAction::default();
        syscall4(nr(libc::SYS_rt_sigaction), libc::SIGABRT as usize, &raw const dfl as usize, 0, 8);
        let none = 0u64;
        syscall4(nr(libc::SYS_rt_sigprocmask), libc::SIG_SETMASK as usize, &raw const none as usize, 0, 8);
        let (pid, tid) = (syscall0(nr(libc::SYS_getpid)), syscall0(nr(libc::SYS_gettid)));
        syscall3(nr(libc::SYS_tgkill), pid as usize, tid as usize, libc::SIGABRT as usize);
        loop {
            syscall1(nr(libc::SYS_exit_group), 134);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_mappings_leave_the_memory_near_the_code_alone() {
        let code = map_with as *const () as usize;
        let mut before = usize::MAX;
        for len in [1 << 20, 5 << 30, 3 << 20, 1 << 30] {
            let p = map_with(len, libc::PROT_NONE, libc::MAP_NORESERVE).unwrap() as usize;
            assert!(p + len <= code - (15 << 30), "{p:#x} and {len:#x}, code at {code:#x}");
            assert!(p + len <= before);
            before = p;
        }
    }
}
