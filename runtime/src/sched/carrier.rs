//! The queue role: a run queue and the right to run what is in it.
//!
//! There are as many carriers as virtual threads may run at once. An OS thread serves one at a time; the role can move to
//! another OS thread while the queue stays. First in, first out; an idle carrier takes half of another's queue.

use super::os_thread::OsThread;
use super::thread::{Thread, ThreadRef};
use crate::sys::spin::Spin;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::*};

/// Most carriers there can be.
pub(crate) const MAX: usize = 1024;

/// See the header. On cache lines of its own.
#[repr(align(128))]
pub(crate) struct Carrier {
    queue: Spin<List>,
    len: AtomicUsize,
    /// How many of the first have been fetched ([`fetch`]); the owner's.
    fetched: AtomicU32,
    /// Who serves it.
    pub(crate) os: AtomicPtr<OsThread>,
    /// What the watchdog saw at its last look.
    pub(super) seen: super::watch::Seen,
}

struct List {
    head: *const Thread,
    tail: *const Thread,
}
// SAFETY: pointers to records, which stay; followed under the lock only.
unsafe impl Send for List {}

static CARRIERS: [Carrier; MAX] = [const { Carrier::new() }; MAX];
static COUNT: AtomicUsize = AtomicUsize::new(1);

/// Sets how many there are; before there is a second thread.
pub(crate) fn set_count(n: usize) {
    COUNT.store(n.clamp(1, MAX), Relaxed);
}

/// How many there are.
#[inline(always)]
pub(crate) fn count() -> usize {
    COUNT.load(Relaxed)
}

/// All of them.
pub(crate) fn all() -> &'static [Carrier] {
    &CARRIERS[..count()]
}

/// Whether any queue holds something.
pub(crate) fn any_work() -> bool {
    all().iter().any(|c| c.len.load(SeqCst) > 0)
}

impl Carrier {
    const fn new() -> Self {
        Carrier {
            queue: Spin::new(List { head: null(), tail: null() }),
            len: AtomicUsize::new(0),
            fetched: AtomicU32::new(0),
            os: AtomicPtr::new(null_mut()),
            seen: super::watch::Seen::nothing(),
        }
    }

    /// Number of ready threads.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    /// Appends a thread; gives the new length.
    pub(crate) fn push(&self, t: ThreadRef) -> usize {
        t.next.store(null_mut(), Relaxed);
        let mut q = self.queue.lock();
        if q.head.is_null() {
            q.head = t.as_ptr();
        } else {
            // SAFETY: `tail` is in the queue, so it is a record.
            unsafe { (*q.tail).next.store(t.as_ptr().cast_mut(), Relaxed) };
        }
        q.tail = t.as_ptr();
        let n = self.len.load(Relaxed) + 1;
        self.len.store(n, SeqCst);
        n
    }

    /// Takes the first thread.
    #[inline(always)]
    pub(crate) fn pop(&self) -> Option<ThreadRef> {
        if self.len.load(Relaxed) == 0 {
            return None;
        }
        let (t, next) = {
            let mut q = self.queue.lock();
            let t = ThreadRef::from_ptr(q.head)?;
            q.head = t.next.load(Relaxed);
            self.len.store(self.len.load(Relaxed) - 1, Relaxed);
            (t, q.head)
        };
        match self.fetched.load(Relaxed) {
            0 => self.fetched.store(fetch(next), Relaxed),
            n => self.fetched.store(n - 1, Relaxed),
        }
        Some(t)
    }

    /// Moves the first half of `other`'s queue (at most [`STEAL_MOST`]) here; the very first is given back to be run.
    pub(crate) fn steal_from(&self, other: &Carrier) -> Option<ThreadRef> {
        if other.len.load(Relaxed) == 0 {
            return None;
        }
        let (first, last, n) = {
            let mut q = other.queue.try_lock()?;
            let n = other.len.load(Relaxed).div_ceil(2).min(STEAL_MOST);
            let first = ThreadRef::from_ptr(q.head)?;
            let mut last = first;
            for _ in 1..n {
                last = ThreadRef::from_ptr(last.next.load(Relaxed))?;
            }
            q.head = last.next.load(Relaxed);
            other.len.store(other.len.load(Relaxed) - n, Relaxed);
            (first, last, n)
        };
        if n > 1 {
            last.next.store(null_mut(), Relaxed);
            let mut q = self.queue.lock();
            if q.head.is_null() {
                q.head = first.next.load(Relaxed);
            } else {
                // SAFETY: `tail` is in the queue, so it is a record.
                unsafe { (*q.tail).next.store(first.next.load(Relaxed), Relaxed) };
            }
            q.tail = last.as_ptr();
            self.len.store(self.len.load(Relaxed) + n - 1, SeqCst);
        }
        Some(first)
    }

    /// Forgets all that is queued, and any holder of the lock: for the child of a fork.
    ///
    /// # Safety
    /// No other thread exists.
    pub(crate) unsafe fn after_fork(&self) {
        // SAFETY: by contract.
        unsafe { self.queue.reset() };
        *self.queue.lock() = List { head: null(), tail: null() };
        self.len.store(0, Relaxed);
        self.os.store(null_mut(), Relaxed);
    }
}

/// More than this is not taken at once: a long walk under a lock.
const STEAL_MOST: usize = 64;
/// How many threads are fetched at a time.
const FETCH: usize = 8;

/// Asks for the memory that the threads from `first` on in a queue will touch; gives their number. With a thousand threads
/// each one's stack and record have left the caches since it last ran. What costs most is not the memory but finding it,
/// since the stacks' page tables have left them, too; so several are asked for together, and the processor looks for them at
/// the same time.
fn fetch(first: *const Thread) -> u32 {
    let mut ahead = [first; FETCH];
    let mut n = 0;
    // Others may steal and run them meanwhile: then the hints are wrong. Records stay.
    while let Some(t) = ThreadRef::from_ptr(ahead[n]) {
        t.fetch_record();
        n += 1;
        if n == FETCH {
            break;
        }
        ahead[n] = t.next.load(Relaxed);
    }
    ahead[..n].iter().filter_map(|t| ThreadRef::from_ptr(*t)).for_each(ThreadRef::fetch_stack);
    n as u32
}

#[cfg(test)]
mod tests;
