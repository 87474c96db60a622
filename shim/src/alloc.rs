//! The library's own allocator: never the program's malloc, which may be the code that is interrupted, or be replaced.
//!
//! Size classes of powers of two over mapped chunks, one spin lock; large blocks are mappings. It serves set-up (scanning,
//! patching) and the report, not the paths between gate and hub, which allocate nothing.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;
use patchall::sys::{self, spin::Spin};

struct Arena {
    /// Free blocks by the logarithm of their size, chained through their first word.
    free: [*mut u8; CLASSES],
    at: usize,
    end: usize,
}
// SAFETY: pointers to memory of our own, followed under the lock.
unsafe impl Send for Arena {}

/// Blocks of up to 2^20 bytes come from chunks.
const CLASSES: usize = 21;
const CHUNK: usize = 1 << 20;
const LEAST: usize = 16;

static ARENA: Spin<Arena> = Spin::new(Arena { free: [null_mut(); CLASSES], at: 0, end: 0 });

/// See the header.
struct Own;

#[global_allocator]
static OWN: Own = Own;

/// Size of the block that serves a layout; its alignment is its size, up to a page.
fn rounded(l: &Layout) -> usize {
    l.size().max(l.align()).max(LEAST).next_power_of_two()
}

// SAFETY: blocks are disjoint, large enough, aligned to their size (up to a page) and not moved.
unsafe impl GlobalAlloc for Own {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        let size = rounded(&l);
        if size >= CHUNK {
            return if l.align() > 4096 { null_mut() } else { sys::map(size).unwrap_or(null_mut()) };
        }
        let class = size.trailing_zeros() as usize;
        let mut a = ARENA.lock();
        let block = a.free[class];
        if !block.is_null() {
            // SAFETY: a free block's first word is the link.
            a.free[class] = unsafe { *block.cast::<*mut u8>() };
            return block;
        }
        let mut from = a.at.next_multiple_of(size);
        if a.at == 0 || from + size > a.end {
            // What is left of the old chunk is lost: less than one block of the largest class.
            let Ok(chunk) = sys::map(2 * CHUNK) else { return null_mut() };
            from = (chunk as usize).next_multiple_of(size);
            a.end = chunk as usize + 2 * CHUNK;
        }
        a.at = from + size;
        from as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, l: Layout) {
        let size = rounded(&l);
        if size >= CHUNK {
            // SAFETY: mapped in `alloc` with this size.
            unsafe { sys::syscall2(sys::nr(libc::SYS_munmap), block as usize, size) };
            return;
        }
        let class = size.trailing_zeros() as usize;
        let mut a = ARENA.lock();
        // SAFETY: the block is ours again.
        unsafe { *block.cast::<*mut u8>() = a.free[class] };
        a.free[class] = block;
    }
}
