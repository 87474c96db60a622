//! Who waits on which word: chains of waiters in buckets by the address of the word.
//!
//! The check of the word and the entry in the bucket happen under the bucket's lock; a waker changes the word first and
//! takes the lock then: so no wake-up falls between (kernel/futex/futex.h tells the same story of the kernel's).
//!
//! Order of locks: bucket (the one at the lower address first), then run queue. `wake` of the scheduler is called under
//! the bucket's lock, so that a waiter cannot leave the call while its node is looked at. A waiter is in the bucket of the
//! word that its `futex` names, and 0 says that nobody will touch its node any more: who only moves it never stores that.

use crate::sched::state::Wake;
use crate::sched::waiter::Waiter;
use crate::sched::{wake, wake_by_word};
use crate::sync::{Ordering::*, Spin, SpinGuard, const_fn};
use core::ptr::null;

/// The waiters whose words share a hash, in the order in which they came.
pub(crate) struct Bucket {
    head: *const Waiter,
    tail: *const Waiter,
}
// SAFETY: pointers to parts of records, which stay; followed under the lock.
unsafe impl Send for Bucket {}

/// A bucket on a cache line of its own.
#[repr(align(64))]
pub(crate) struct Slot(Spin<Bucket>);

/// All buckets; `N` is a power of two.
pub(crate) struct Buckets<const N: usize>([Slot; N]);

impl Slot {
    const_fn! {
        /// Nobody waits.
        pub(crate) fn new() -> Self {
            Slot(Spin::new(Bucket { head: null(), tail: null() }))
        }
    }
}

impl Bucket {
    /// Appends the node of park `seq`.
    pub(crate) fn link(&mut self, w: &Waiter, addr: usize, seq: u64, bits: u32) {
        w.futex_bits.set(bits);
        w.futex_seq.set(seq);
        w.futex_next.set(null());
        w.futex_prev.set(self.tail);
        // SAFETY: `tail` is null or a linked waiter.
        match unsafe { self.tail.as_ref() } {
            None => self.head = w,
            Some(last) => last.futex_next.set(w),
        }
        self.tail = w;
        w.futex.store(addr, Release);
    }

    /// Takes a node out for good.
    pub(crate) fn unlink(&mut self, w: &Waiter) {
        self.take_out(w);
        w.futex.store(0, Release);
    }

    fn take_out(&mut self, w: &Waiter) {
        let (prev, next) = (w.futex_prev.get(), w.futex_next.get());
        // SAFETY: neighbours are null or linked waiters.
        unsafe {
            match prev.as_ref() {
                None => self.head = next,
                Some(p) => p.futex_next.set(next),
            }
            match next.as_ref() {
                None => self.tail = prev,
                Some(n) => n.futex_prev.set(prev),
            }
        }
    }

    /// The waiters on a word, in order; `f` says for each whether to go on.
    fn each(&mut self, addr: usize, mut f: impl FnMut(&mut Bucket, &'static Waiter) -> bool) {
        let mut p = self.head;
        // SAFETY: links are null or linked waiters; `next` is read before `f` may unlink.
        while let Some(w) = unsafe { p.as_ref() } {
            p = w.futex_next.get();
            if w.futex.load(Relaxed) == addr && !f(self, w) {
                return;
            }
        }
    }

    /// Who has waited longest on a word, of those that wait for this one only.
    pub(crate) fn first(&mut self, addr: usize) -> Option<&'static Waiter> {
        let mut found = None;
        self.each(addr, |_, w| {
            let single = w.stands_for.get().is_null();
            if single {
                found = Some(w);
            }
            !single
        });
        found
    }

    /// Wakes up to `most` of those on a word who wait for one of `bits`; how many they were.
    pub(crate) fn wake(&mut self, addr: usize, most: u32, bits: u32) -> u32 {
        let mut n = 0;
        if most == 0 {
            return 0;
        }
        self.each(addr, |b, w| {
            if w.futex_bits.get() & bits != 0 {
                // Before it is unlinked: a waiter that leaves by itself may use its node again from then on.
                let (seq, whole, word) = (w.futex_seq.get(), w.stands_for.get(), w.word.get());
                b.unlink(w);
                // One that is leaving already (timeout, signal) does not count.
                // SAFETY: null, or the waiter of a thread, whose record stays.
                n += match unsafe { whole.as_ref() } {
                    None => wake(w, seq, Wake::Event),
                    Some(whole) => wake_by_word(whole, seq, word),
                } as u32;
            }
            n < most
        });
        n
    }
}

impl<const N: usize> Buckets<N> {
    const_fn! {
        /// All of these.
        pub(crate) fn new(slots: [Slot; N]) -> Self {
            Buckets(slots)
        }
    }

    /// The bucket of a word.
    pub(crate) fn of(&self, addr: usize) -> &Spin<Bucket> {
        // Fibonacci hashing of the word's index.
        &self.0[((addr >> 2) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) as usize >> (64 - N.trailing_zeros())].0
    }

    /// Two buckets, locked in the order of their addresses; the second is `None` if they are one.
    pub(crate) fn lock_two(&self, a: usize, b: usize) -> (SpinGuard<'_, Bucket>, Option<SpinGuard<'_, Bucket>>) {
        let (sa, sb) = (self.of(a), self.of(b));
        match core::ptr::from_ref(sa).cmp(&core::ptr::from_ref(sb)) {
            core::cmp::Ordering::Equal => (sa.lock(), None),
            core::cmp::Ordering::Less => {
                let first = sa.lock();
                (first, Some(sb.lock()))
            }
            core::cmp::Ordering::Greater => {
                let first = sb.lock();
                (sa.lock(), Some(first))
            }
        }
    }

    /// FUTEX_WAIT: if `check` is content with the word, a park begins by `prepare`, which gives its number.
    pub(crate) fn wait<E>(
        &self,
        addr: usize,
        w: &Waiter,
        bits: u32,
        check: impl FnOnce() -> Result<(), E>,
        prepare: impl FnOnce() -> u64,
    ) -> Result<(), E> {
        let mut b = self.of(addr).lock();
        check()?;
        let seq = prepare();
        b.link(w, addr, seq, bits);
        Ok(())
    }

    /// FUTEX_WAKE: the word was changed before.
    pub(crate) fn wake(&self, addr: usize, most: u32, bits: u32) -> u32 {
        self.of(addr).lock().wake(addr, most, bits)
    }

    /// FUTEX_CMP_REQUEUE: if `check` is content, some are woken and some wait on another word from now on; how many both are.
    pub(crate) fn requeue<E>(
        &self,
        [from, to]: [usize; 2],
        [wakes, moves]: [u32; 2],
        check: impl FnOnce() -> Result<(), E>,
    ) -> Result<u32, E> {
        let (mut a, b) = self.lock_two(from, to);
        check()?;
        let woken = a.wake(from, wakes, u32::MAX);
        let mut moved = 0;
        match b {
            _ if moves == 0 => {}
            Some(mut b) => a.each(from, |a, w| {
                a.take_out(w);
                b.link(w, to, w.futex_seq.get(), w.futex_bits.get());
                moved += 1;
                moved < moves
            }),
            None => a.each(from, |_, w| {
                w.futex.store(to, Release);
                moved += 1;
                moved < moves
            }),
        }
        Ok(woken + moved)
    }

    /// A wait that ended otherwise: takes the waiter out of whatever bucket it is in (a requeue may have moved it).
    pub(crate) fn leave(&self, w: &Waiter) {
        loop {
            let addr = w.futex.load(Acquire);
            if addr == 0 {
                return;
            }
            let mut b = self.of(addr).lock();
            if w.futex.load(Relaxed) == addr {
                b.unlink(w);
                return;
            }
        }
    }

    /// Forgets all waiters: for the child of a fork.
    ///
    /// # Safety
    /// No other thread exists.
    pub(crate) unsafe fn after_fork(&self) {
        for s in &self.0 {
            // SAFETY: by contract.
            unsafe { s.0.reset() };
            *s.0.lock() = Bucket { head: null(), tail: null() };
        }
    }
}
