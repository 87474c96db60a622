//! Thread ids: the ones the program sees, and the way from an id to a thread.
//!
//! Ids are never those of a kernel thread, nor of another process's virtual thread ([`tid_blocks`]). They are handed out in
//! sequence, so that one that has become free is not used again soon; a process takes a further block when more than half of
//! what it has is in use.

use super::thread::{Thread, ThreadRef};
use super::tid_blocks;
use crate::sys::spin::Spin;
use core::ops::Range;
use core::ptr::null;

const BUCKETS: usize = 4096;
/// Most blocks of a process; twice what all the threads that there is room for need.
const BLOCKS: usize = 9;

struct Tids {
    buckets: [*const Thread; BUCKETS],
    live: usize,
    /// The blocks the process has, and the one that is handed out of.
    blocks: [Range<u32>; BLOCKS],
    claimed: usize,
    current: usize,
    /// The next id of that block.
    next: u32,
}
// SAFETY: pointers to records, which stay; followed under the lock.
unsafe impl Send for Tids {}

static TIDS: Spin<Tids> = Spin::new(Tids {
    buckets: [null(); BUCKETS],
    live: 0,
    blocks: [const { 0..0 }; BLOCKS],
    claimed: 0,
    current: 0,
    next: 0,
});

/// Whether a tid is in our range.
pub(crate) fn is_ours(tid: u32) -> bool {
    tid_blocks::ALL.contains(&tid)
}

impl Tids {
    fn find(&self, tid: u32) -> Option<ThreadRef> {
        let mut p = self.buckets[tid as usize % BUCKETS];
        while let Some(t) = ThreadRef::from_ptr(p) {
            if t.tid.get() == tid {
                return Some(t);
            }
            p = t.next_tid.get();
        }
        None
    }

    fn link(&mut self, t: ThreadRef) {
        let b = &mut self.buckets[t.tid.get() as usize % BUCKETS];
        t.next_tid.set(*b);
        *b = t.as_ptr();
        self.live += 1;
    }

    /// An id that no thread has.
    fn fresh(&mut self) -> u32 {
        loop {
            if self.next == self.blocks[self.current].end {
                self.next_block();
            }
            let tid = self.next;
            self.next += 1;
            if self.find(tid).is_none() {
                return tid;
            }
        }
    }

    /// Goes on to the next block, or to a new one when they all have been through and are too full.
    #[cold]
    fn next_block(&mut self) {
        let room: usize = self.blocks[..self.claimed].iter().map(|b| b.len()).sum();
        self.current += 1;
        if self.current >= self.claimed {
            if self.live * 2 >= room && self.claimed < BLOCKS {
                self.blocks[self.claimed] = tid_blocks::claim(self.claimed == 0);
                self.current = self.claimed;
                self.claimed += 1;
            } else {
                self.current = 0;
            }
        }
        self.next = self.blocks[self.current].start;
    }
}

/// Gives a new thread an id of its own and makes it known.
pub(crate) fn assign(t: ThreadRef) {
    let mut tids = TIDS.lock();
    let tid = tids.fresh();
    t.tid.set(tid);
    tids.link(t);
}

/// Makes a thread known whose id is the kernel's: the first one of a process.
pub(crate) fn adopt(t: ThreadRef, tid: u32) {
    let mut tids = TIDS.lock();
    t.tid.set(tid);
    tids.link(t);
}

/// Forgets a thread; gives the number of those left.
pub(crate) fn remove(t: ThreadRef) -> usize {
    let mut tids = TIDS.lock();
    let b = &raw mut tids.buckets[t.tid.get() as usize % BUCKETS];
    // SAFETY: the table is locked, and every link is null or a record.
    unsafe {
        if *b == t.as_ptr() {
            *b = t.next_tid.get();
        } else {
            let mut p = *b;
            while !p.is_null() {
                if (*p).next_tid.get() == t.as_ptr() {
                    (*p).next_tid.set(t.next_tid.get());
                    break;
                }
                p = (*p).next_tid.get();
            }
        }
    }
    tids.live -= 1;
    tids.live
}

/// Number of threads.
pub(crate) fn live() -> usize {
    // SAFETY: a word that is read as it is; who decides by it knows that it may be about to change.
    unsafe { (&raw const (*TIDS.as_ptr()).live).read_volatile() }
}

/// Calls `f` with the thread of that id, which cannot end meanwhile.
pub(crate) fn with<R>(tid: u32, f: impl FnOnce(ThreadRef) -> R) -> Option<R> {
    let tids = TIDS.lock();
    tids.find(tid).map(f)
}

/// Calls `f` with every thread until it says false; none of them can end meanwhile.
pub(crate) fn each(mut f: impl FnMut(ThreadRef) -> bool) {
    let tids = TIDS.lock();
    for b in &tids.buckets {
        let mut p = *b;
        while let Some(t) = ThreadRef::from_ptr(p) {
            if !f(t) {
                return;
            }
            p = t.next_tid.get();
        }
    }
}

/// Forgets all: for the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { TIDS.reset() };
    let mut tids = TIDS.lock();
    tids.buckets.fill(null());
    tids.live = 0;
    // The parent's blocks are the parent's; the descriptors were closed with the engine's others.
    tids.blocks = [const { 0..0 }; BLOCKS];
    (tids.claimed, tids.current, tids.next) = (0, 0, 0);
}
