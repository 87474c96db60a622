//! A stack of our own for one-time work that begins in the middle of a program's call, which may have been made on a stack of
//! a few KiB (makecontext(3), fibers): pthread_create takes half a KiB of it, opening the gate takes fifteen.
//!
//! Unsafe: maps memory, and unmaps it when the work is done.

use crate::sys::{self, nr};
use corosensei::stack::StackPointer;

const GUARD: usize = 4096;
/// Only what is touched takes memory.
const SIZE: usize = 512 << 10;

struct OwnStack {
    base: usize,
}

impl OwnStack {
    fn new() -> Result<Self, i32> {
        let base = sys::map(SIZE)? as usize;
        // SAFETY: a page of our own fresh mapping.
        let r = unsafe { sys::syscall3(nr(libc::SYS_mprotect), base, GUARD, libc::PROT_NONE as usize) };
        let stack = OwnStack { base };
        if sys::is_err(r) { Err(-r as i32) } else { Ok(stack) }
    }
}

impl Drop for OwnStack {
    fn drop(&mut self) {
        sys::unmap(self.base, self.base + SIZE);
    }
}

// SAFETY: the memory is this stack's alone, page-aligned, larger than the minimum, and has a guard at its lower end.
unsafe impl corosensei::stack::Stack for OwnStack {
    fn base(&self) -> StackPointer {
        StackPointer::MIN.saturating_add(self.base + SIZE - 1)
    }

    fn limit(&self) -> StackPointer {
        StackPointer::MIN.saturating_add(self.base - 1)
    }
}

/// Runs `f` on a stack of its own; on the caller's if there is no memory for one.
#[cold]
#[inline(never)]
pub(crate) fn run(f: fn()) {
    match OwnStack::new() {
        Ok(stack) => corosensei::on_stack(stack, f),
        Err(_) => f(),
    }
}
