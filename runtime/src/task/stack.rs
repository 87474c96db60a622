//! Stacks of light coroutines: equal slots of mapped chunks, each with a guard page below it, used again and again.
//!
//! A chunk is one mapping and its guards are light where the kernel has them (MADV_GUARD_INSTALL, Linux 6.13), so that
//! vm.max_map_count does not bound the number of coroutines. An overflow meets the guard: SIGSEGV, which is named where the
//! gate is open.
//!
//! Unsafe: maps memory. A slot belongs to one [`Stack`] at a time.

use crate::sys::{self, nr};
use core::sync::atomic::{AtomicUsize, Ordering::*};
use corosensei::stack::StackPointer;
use std::sync::{Mutex, PoisonError};

/// Bytes of a stack; only what is touched takes memory.
const SIZE: usize = 256 << 10;
const GUARD: usize = 4096;
const SLOT: usize = SIZE + GUARD;
/// Stacks made at a time.
const PER_CHUNK: usize = 32;
/// Free stacks that keep their pages; those beyond give them back.
const WARM: usize = 256;
const MADV_GUARD_INSTALL: usize = 102;

/// The chunks, for [`is_guard`]; those beyond these are not known there.
static CHUNKS: [AtomicUsize; 1024] = [const { AtomicUsize::new(0) }; 1024];

/// Whether `addr` is in the guard of a stack. Safe in a signal handler.
pub(crate) fn is_guard(addr: usize) -> bool {
    let chunks = CHUNKS.iter().map(|c| c.load(Relaxed)).take_while(|c| *c != 0);
    let mut holds = chunks.map(|c| addr.wrapping_sub(c)).filter(|at| *at < SLOT * PER_CHUNK);
    holds.any(|at| at % SLOT < GUARD)
}

/// Lowest addresses of the free slots.
static FREE: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// A stack in use.
pub(crate) struct Stack {
    slot: usize,
}

impl Stack {
    /// A free one, or a new one. The error is errno's.
    pub(crate) fn take() -> Result<Stack, i32> {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            let chunk = sys::map_with(
                SLOT * PER_CHUNK,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_NORESERVE | libc::MAP_STACK,
            )?;
            let chunk = chunk as usize;
            for slot in (0..PER_CHUNK).map(|i| chunk + i * SLOT) {
                if let Err(errno) = guard(slot) {
                    // SAFETY: our own fresh mapping, of which nothing is in use.
                    unsafe { sys::syscall2(nr(libc::SYS_munmap), chunk, SLOT * PER_CHUNK) };
                    return Err(errno);
                }
            }
            let _ = CHUNKS.iter().find(|c| c.compare_exchange(0, chunk, Relaxed, Relaxed).is_ok());
            free.extend((0..PER_CHUNK).rev().map(|i| chunk + i * SLOT));
        }
        free.pop().map(|slot| Stack { slot }).ok_or(libc::ENOMEM)
    }
}

/// Makes the lowest page of a slot inaccessible.
fn guard(slot: usize) -> Result<(), i32> {
    // SAFETY: a page of a fresh mapping of ours.
    let r = unsafe {
        let light = sys::syscall3(nr(libc::SYS_madvise), slot, GUARD, MADV_GUARD_INSTALL);
        if sys::is_err(light) {
            sys::syscall3(nr(libc::SYS_mprotect), slot, GUARD, libc::PROT_NONE as usize)
        } else {
            light
        }
    };
    if sys::is_err(r) { Err(-r as i32) } else { Ok(()) }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() >= WARM {
            // SAFETY: the slot is ours and nobody runs on it.
            unsafe { sys::syscall3(nr(libc::SYS_madvise), self.slot + GUARD, SIZE, libc::MADV_DONTNEED as usize) };
        }
        free.push(self.slot);
    }
}

// SAFETY: the memory is this stack's alone, page-aligned, larger than the minimum, and has a guard at its lower end.
unsafe impl corosensei::stack::Stack for Stack {
    fn base(&self) -> StackPointer {
        StackPointer::MIN.saturating_add(self.slot + SLOT - 1)
    }

    fn limit(&self) -> StackPointer {
        StackPointer::MIN.saturating_add(self.slot - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_are_known_and_nothing_else_is() {
        let stack = Stack::take().expect("memory");
        assert!(is_guard(stack.slot) && is_guard(stack.slot + GUARD - 1));
        assert!(!is_guard(stack.slot + GUARD) && !is_guard(stack.slot + SLOT - 1));
        assert!(!is_guard((&raw const stack) as usize));
    }
}
