//! Stacks of coroutines: equal slots of mapped chunks, each with a guard page below it, used again and again.
//!
//! A stack has the size asked for, rounded up to a power of two, and grows on demand: only pages that were touched take
//! memory. A chunk is one mapping and its guards are light where the kernel has them (MADV_GUARD_INSTALL, Linux 6.13), so
//! that vm.max_map_count does not bound the number of coroutines. An overflow meets the guard: see `overflow`.
//!
//! Free stacks keep their pages, up to [`WARM`] of a size; those beyond give them back to the kernel.
//!
//! Unsafe: maps memory. A slot belongs to one [`Stack`] at a time.

pub(super) mod overflow;

use crate::sys::{self, nr};
use corosensei::stack::StackPointer;
use std::sync::{Mutex, PoisonError};

/// Bytes of a stack whose size nobody asked for. Eight of them with their guards share the page of page tables that 2 MiB
/// of addresses have; larger ones would cost more of those than of themselves.
pub(crate) const DEFAULT: usize = 256 << 10;
/// The smallest stack: a panic with a backtrace needs as much.
const LEAST: usize = 16 << 10;
/// The largest: what is more is a mistake of the caller's.
const MOST: usize = 1 << 36;
const GUARD: usize = 4096;
/// Bytes mapped at a time, if a stack is not larger.
const CHUNK: usize = 8 << 20;
/// Free stacks of a size that keep their pages.
const WARM: usize = 256;
const MADV_GUARD_INSTALL: usize = 102;

/// Sizes by their exponents.
const CLASSES: usize = MOST.trailing_zeros() as usize + 1;
/// Lowest addresses of the free slots, by size.
static FREE: [Mutex<Vec<usize>>; CLASSES] = [const { Mutex::new(Vec::new()) }; CLASSES];

/// A stack in use.
pub(crate) struct Stack {
    /// Its slot's lowest address, which is that of the guard, with the exponent of its size in the low bits.
    slot: usize,
}

impl Stack {
    /// A free one of at least `size` bytes, or a new one. The error is errno's.
    pub(crate) fn take(size: usize) -> Result<Stack, i32> {
        if size > MOST {
            return Err(libc::ENOMEM);
        }
        let class = size.max(LEAST).next_power_of_two().trailing_zeros() as usize;
        let mut free = FREE[class].lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            more(class, &mut free)?;
        }
        free.pop().map(|slot| Stack { slot: slot | class }).ok_or(libc::ENOMEM)
    }

    fn class(&self) -> usize {
        self.slot % GUARD
    }

    /// Whether it has the size that is used when nobody asks for another.
    pub(super) fn is_default(&self) -> bool {
        self.class() == DEFAULT.trailing_zeros() as usize
    }

    /// The address of the guard, and the bytes above it.
    fn extent(&self) -> (usize, usize) {
        (self.slot - self.class(), 1 << self.class())
    }

    /// The address that coroutines start below. Tops lie at different places of their pages, so that thousands of
    /// coroutines do not meet in the same few sets of the processor's caches.
    fn top(&self) -> usize {
        let (guard, size) = self.extent();
        guard + GUARD + size - guard / GUARD % COLOURS * 64
    }
}

/// Places where a stack may begin. (Slots are an odd number of pages apart, so the page's number tells them apart.)
const COLOURS: usize = 8;

/// Maps a chunk and puts its slots into the list.
fn more(class: usize, free: &mut Vec<usize>) -> Result<(), i32> {
    let slot = (1 << class) + GUARD;
    let count = (CHUNK / slot).max(1);
    let flags = libc::MAP_NORESERVE | libc::MAP_STACK;
    let chunk = sys::map_with(slot * count, libc::PROT_READ | libc::PROT_WRITE, flags)? as usize;
    // Huge pages would make every stack of the chunk resident at once.
    // SAFETY: our own fresh mapping. A kernel without huge pages refuses, and has none to be afraid of.
    unsafe { sys::syscall3(nr(libc::SYS_madvise), chunk, slot * count, libc::MADV_NOHUGEPAGE as usize) };
    for address in (0..count).map(|i| chunk + i * slot) {
        if let Err(errno) = guard(address) {
            // SAFETY: our own fresh mapping, of which nothing is in use.
            unsafe { sys::syscall2(nr(libc::SYS_munmap), chunk, slot * count) };
            return Err(errno);
        }
    }
    overflow::register(chunk, slot * count, slot);
    free.extend((0..count).rev().map(|i| chunk + i * slot));
    Ok(())
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
        let (slot, size) = self.extent();
        let mut free = FREE[self.class()].lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() >= WARM {
            // SAFETY: the slot is ours and nobody runs on it.
            unsafe { sys::syscall3(nr(libc::SYS_madvise), slot + GUARD, size, libc::MADV_DONTNEED as usize) };
        }
        free.push(slot);
    }
}

// SAFETY: the memory is this stack's alone, aligned to 64, larger than the minimum, and has a guard at its lower end.
unsafe impl corosensei::stack::Stack for Stack {
    fn base(&self) -> StackPointer {
        StackPointer::MIN.saturating_add(self.top() - 1)
    }

    fn limit(&self) -> StackPointer {
        StackPointer::MIN.saturating_add(self.extent().0 - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST, MOST, Stack};
    use corosensei::stack::Stack as _;

    fn bytes(s: &Stack) -> usize {
        s.base().get() - s.limit().get()
    }

    #[test]
    fn sizes_are_rounded_up_and_absurd_ones_refused() {
        assert!(bytes(&Stack::take(0).expect("the least")) >= LEAST);
        assert!(bytes(&Stack::take(100_000).expect("a stack")) >= 100_000);
        assert_eq!(Stack::take(usize::MAX).err(), Some(libc::ENOMEM));
        assert_eq!(Stack::take(MOST + 1).err(), Some(libc::ENOMEM));
    }

    #[test]
    fn a_stack_comes_back() {
        // A size that no other test uses.
        let first = Stack::take(32 << 10).expect("a stack");
        let place = first.base();
        drop(first);
        assert_eq!(Stack::take(32 << 10).expect("a stack").base(), place);
    }
}
