//! Memory of the engine's own: never the program's malloc, never given back while the process lives.
//!
//! [`Table`] is an array in reserved address space (descriptors, the timer heap); [`Pool`] hands out records of one type.
//! A record of a pool stays a record of that type for ever: a late waker may look at one that has been freed, and finds a
//! sequence number that is not its own (DESIGN, invariant 4).

use crate::sys::{self, spin::Spin};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::*};

/// An array of zeroes of which only touched pages exist.
pub(crate) struct Table<T> {
    base: AtomicPtr<T>,
    len: AtomicUsize,
}

impl<T> Table<T> {
    /// One without room.
    pub(crate) const fn new() -> Self {
        Table { base: AtomicPtr::new(null_mut()), len: AtomicUsize::new(0) }
    }

    /// Reserves room for `len` zeroed elements; a second call changes nothing.
    ///
    /// # Safety
    /// All-zero bytes must be a valid `T`, and no other thread may be in here.
    pub(crate) unsafe fn reserve(&self, len: usize) -> Result<(), i32> {
        if self.base.load(Relaxed).is_null() {
            let base = sys::map(len * size_of::<T>())?;
            sys::keep_out_of_cores(base as usize, len * size_of::<T>());
            self.base.store(base.cast(), Relaxed);
            self.len.store(len, Release);
        }
        Ok(())
    }

    /// Number of elements there is room for.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    /// Element `i`, or `None` past the end.
    #[inline(always)]
    pub(crate) fn get(&self, i: usize) -> Option<&T> {
        if i >= self.len() {
            return None;
        }
        // SAFETY: `i` is within the reserved room, which is zeroed, valid by `reserve`'s contract, and never unmapped.
        Some(unsafe { &*self.base.load(Relaxed).add(i) })
    }

    /// First element.
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.base.load(Relaxed)
    }

    /// Keeps room for the first `len` elements and gives the address space of the others back.
    ///
    /// # Safety
    /// Nobody uses an element past them.
    pub(crate) unsafe fn shrink(&self, len: usize) {
        let (base, had) = (self.as_ptr() as usize, self.len());
        if len < had {
            self.len.store(len, SeqCst);
            let keep = (base + len * size_of::<T>()).next_multiple_of(4096);
            sys::unmap(keep, base + had * size_of::<T>());
            if len == 0 {
                self.base.store(null_mut(), Relaxed);
            }
        }
    }

    /// Gives the pages back: all elements are zero again.
    ///
    /// # Safety
    /// Nobody may be using an element.
    pub(crate) unsafe fn clear(&self) {
        let (base, bytes) = (self.as_ptr() as usize, self.len() * size_of::<T>());
        if base != 0 {
            // SAFETY: our own private anonymous mapping; MADV_DONTNEED makes it zeroes (madvise(2)).
            unsafe { sys::syscall3(sys::nr(libc::SYS_madvise), base, bytes, libc::MADV_DONTNEED as usize) };
        }
    }
}

/// Something a [`Pool`] can chain while it is free.
///
/// # Safety
/// `next_free` must be a field that nothing reads while the record is free.
pub(crate) unsafe trait Pooled {
    /// The link of the free list.
    fn next_free(&self) -> &AtomicPtr<Self>
    where
        Self: Sized;
}

/// Records of one type, taken from chunks mapped when needed.
pub(crate) struct Pool<T> {
    inner: Spin<PoolInner<T>>,
    /// The newest chunk. The list only grows, so it can be walked without the lock.
    chunks: AtomicPtr<Chunk>,
}

/// What a chunk begins with; records follow at [`FIRST_RECORD`].
pub(crate) struct Chunk {
    next: AtomicPtr<Chunk>,
}

/// Where in a chunk its first record is: records have at most this alignment.
pub(crate) const FIRST_RECORD: usize = 64;

struct PoolInner<T> {
    free: *mut T,
    fresh: *mut T,
    fresh_left: usize,
}

// SAFETY: the pointers are only followed under the lock.
unsafe impl<T> Send for PoolInner<T> {}

impl<T: Pooled> Pool<T> {
    /// Bytes mapped at a time.
    const CHUNK: usize = 256 << 10;
    /// Records in a chunk.
    pub(crate) const PER_CHUNK: usize = (Self::CHUNK - FIRST_RECORD) / size_of::<T>();

    /// An empty one.
    pub(crate) const fn new() -> Self {
        const { assert!(align_of::<T>() <= FIRST_RECORD) };
        let inner = PoolInner { free: null_mut(), fresh: null_mut(), fresh_left: 0 };
        Pool { inner: Spin::new(inner), chunks: AtomicPtr::new(null_mut()) }
    }

    /// A record: zeroed if it was never used, else as it was when freed. ENOMEM when the kernel gives no memory.
    pub(crate) fn take(&self) -> Result<*mut T, i32> {
        let mut p = self.inner.lock();
        if !p.free.is_null() {
            let r = p.free;
            // SAFETY: records on the free list are ours and stay mapped.
            p.free = unsafe { (*r).next_free().load(Relaxed) };
            return Ok(r);
        }
        if p.fresh_left == 0 {
            let chunk: *mut Chunk = sys::map(Self::CHUNK)?.cast();
            // SAFETY: fresh memory, which only this thread knows; zero is a null link.
            unsafe { (*chunk).next.store(self.chunks.load(Relaxed), Relaxed) };
            self.chunks.store(chunk, Release);
            // SAFETY: within the chunk.
            p.fresh = unsafe { chunk.byte_add(FIRST_RECORD).cast() };
            p.fresh_left = Self::PER_CHUNK;
        }
        let r = p.fresh;
        // SAFETY: `fresh_left` records follow.
        p.fresh = unsafe { r.add(1) };
        p.fresh_left -= 1;
        Ok(r)
    }

    /// Takes a record back.
    ///
    /// # Safety
    /// It came from this pool and nothing uses it any more, but for late wakers that check its sequence.
    pub(crate) unsafe fn give(&self, r: *mut T) {
        let mut p = self.inner.lock();
        // SAFETY: by contract.
        unsafe { (*r).next_free().store(p.free, Relaxed) };
        p.free = r;
    }

    /// All records there are memory for, whatever they are used for: those that never were are zero. Takes no lock.
    pub(crate) fn each(&self, mut f: impl FnMut(*const T)) {
        let mut chunk = self.chunks.load(Acquire);
        // SAFETY: chunks are never unmapped.
        while let Some(c) = unsafe { chunk.as_ref() } {
            // SAFETY: so many records are in it.
            (0..Self::PER_CHUNK).for_each(|i| f(unsafe { (&raw const *c).byte_add(FIRST_RECORD).cast::<T>().add(i) }));
            chunk = c.next.load(Relaxed);
        }
    }

    /// Where the address of the newest chunk is kept.
    pub(crate) fn chunks(&self) -> *const AtomicPtr<Chunk> {
        &raw const self.chunks
    }

    /// For the child of a fork.
    ///
    /// # Safety
    /// The lock was held, or nobody changed the pool, when the process was copied.
    pub(crate) unsafe fn after_fork(&self) {
        // SAFETY: by contract.
        unsafe { self.inner.reset() };
    }

    /// Takes the pool's lock across a fork.
    pub(crate) fn freeze(&self) -> impl Drop + '_ {
        self.inner.lock()
    }
}
