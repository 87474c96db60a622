//! The library's own allocator: never the program's malloc, which may be the code that is interrupted, or be replaced.
//!
//! Size classes of powers of two over mapped chunks, one spin lock; large blocks are mappings. It serves set-up (scanning,
//! patching) and the report, not the paths between gate and hub, which allocate nothing.
//!
//! Rust ends the process when an allocation fails. So set-up first [`secure`]s what it needs, and the process stays native if
//! that cannot be had; what was not used goes back by [`settle`].

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use patchall::process;
use patchall::sys::{self, spin::Spin};

struct Arena {
    /// Free blocks by the logarithm of their size, chained through their first word.
    free: [*mut u8; CLASSES],
    at: usize,
    end: usize,
    /// [`LAST`] has been handed out.
    last: bool,
}
// SAFETY: pointers to memory of our own, followed under the lock.
unsafe impl Send for Arena {}

/// Blocks of up to 2^20 bytes come from chunks.
const CLASSES: usize = 21;
const CHUNK: usize = 1 << 20;
const LEAST: usize = 16;
const PAGE: usize = 4096;

static ARENA: Spin<Arena> = Spin::new(Arena { free: [null_mut(); CLASSES], at: 0, end: 0, last: false });

impl Arena {
    /// The next `size` bytes of the chunk.
    fn take(&mut self, size: usize, align: usize) -> Option<*mut u8> {
        let from = self.at.next_multiple_of(align);
        (self.at != 0 && from + size <= self.end).then(|| {
            self.at = from + size;
            from as *mut u8
        })
    }

    /// Goes on with the last memory there is. False: it has been used.
    fn fall_back(&mut self) -> bool {
        let fresh = !core::mem::replace(&mut self.last, true);
        if fresh {
            self.at = LAST.0.get() as usize;
            self.end = self.at + size_of::<Last>();
        }
        fresh
    }

    /// Goes on with a new chunk.
    fn grow(&mut self, size: usize) -> bool {
        let Ok(chunk) = sys::map(size) else { return false };
        (self.at, self.end) = (chunk as usize, chunk as usize + size);
        true
    }
}

/// For a last message, when the kernel gives nothing.
#[repr(align(4096))]
struct Last(UnsafeCell<[u8; 4 * PAGE]>);
// SAFETY: handed out by `Arena::fall_back`, once.
unsafe impl Sync for Last {}
static LAST: Last = Last(UnsafeCell::new([0; 4 * PAGE]));

/// Whether set-up finds memory: reserves it. With little address space, no more than it takes for a program of usual size.
pub(crate) fn secure() -> bool {
    let size = if process::address_space_is_limited() { 8 } else { 64 } * CHUNK;
    ARENA.lock().grow(size)
}

/// Gives back what [`secure`] reserved and nobody used, but for what the report takes.
pub(crate) fn settle() {
    let mut a = ARENA.lock();
    if a.last || a.at == 0 {
        return;
    }
    let keep = a.at.next_multiple_of(PAGE) + CHUNK;
    sys::unmap(keep, a.end);
    a.end = a.end.min(keep);
}

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
        let mut a = ARENA.lock();
        if size >= CHUNK {
            if l.align() > PAGE {
                return null_mut();
            }
            return a.take(size, PAGE).unwrap_or_else(|| sys::map(size).unwrap_or(null_mut()));
        }
        let class = size.trailing_zeros() as usize;
        let block = a.free[class];
        if !block.is_null() {
            // SAFETY: a free block's first word is the link.
            a.free[class] = unsafe { *block.cast::<*mut u8>() };
            return block;
        }
        if let Some(block) = a.take(size, size) {
            return block;
        }
        // What is left of the old chunk is lost: less than one block of the largest class.
        if !a.grow(2 * CHUNK) && !a.fall_back() {
            return null_mut();
        }
        a.take(size, size).unwrap_or(null_mut())
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
