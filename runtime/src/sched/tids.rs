//! Thread ids: the ones the program sees, and the way from an id to a thread.
//!
//! Ids lie above the kernel's largest pid (2^22, PID_MAX_LIMIT) and below 2^28 (a CPU clock id holds `~tid << 3`), so they
//! are never those of a kernel thread.

use super::thread::{Thread, ThreadRef};
use crate::sys::spin::Spin;
use core::ptr::null;

/// Above every tid of the kernel.
pub(crate) const FIRST: u32 = (1 << 22) + 1;
/// Past the last one.
const END: u32 = 1 << 28;
const BUCKETS: usize = 4096;

struct Tids {
    buckets: [*const Thread; BUCKETS],
    next: u32,
    live: usize,
}
// SAFETY: pointers to records, which stay; followed under the lock.
unsafe impl Send for Tids {}

static TIDS: Spin<Tids> = Spin::new(Tids { buckets: [null(); BUCKETS], next: FIRST, live: 0 });

/// Whether a tid is in our range.
pub(crate) fn is_ours(tid: u32) -> bool {
    (FIRST..END).contains(&tid)
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
}

/// Gives a new thread an id of its own and makes it known.
pub(crate) fn assign(t: ThreadRef) {
    let mut tids = TIDS.lock();
    loop {
        let tid = tids.next;
        tids.next = if tid + 1 == END { FIRST } else { tid + 1 };
        if tids.find(tid).is_none() {
            t.tid.set(tid);
            tids.link(t);
            return;
        }
    }
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
}
