//! The state word: the whole protocol between a waiter that parks and those who wake it.
//!
//! One 64-bit atomic holds `sequence << 16 | why << 8 | phase`. The sequence counts parks, so a waker that comes late, with
//! the number of an earlier park, changes nothing; records are never unmapped, so it may always look.
//!
//! ```text
//!             prepare()            commit()                wake(): the waker must make the waiter ready
//!   Running ───────────▶ Parking ───────────▶ Parked ───────────────────────────┐
//!      ▲                    │ wake(): a note; commit() then fails                ▼
//!      └──── finish() ◀─────┴──────────────────────────────────────────────▶  Woken
//! ```
//!
//! Between `prepare` and `commit` the waiter puts its nodes where wakers find them. `commit` is made when nothing of the
//! waiter is on a stack any more, because from then on it may run elsewhere at any moment. `wake` succeeds exactly once a
//! park.

use crate::sync::{AtomicU64, Ordering::*};

/// Why a park ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Wake {
    /// What was waited for happened.
    Event = 1,
    /// The deadline passed.
    Timeout = 2,
    /// A signal is to be delivered.
    Signal = 3,
    /// Nothing happened after all: wait again, until the same deadline. Never given by a waker.
    Retry = 4,
}

/// What a call of [`State::wake`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Woken {
    /// Nothing: another waker was first, or the park is over.
    Late,
    /// The waiter had not parked yet; it will not.
    Early,
    /// The waiter was parked: the caller must make it ready, once.
    Parked,
}

const RUNNING: u64 = 0;
const PARKING: u64 = 1;
const PARKED: u64 = 2;
const WOKEN: u64 = 3;

/// Reasons from here on are [`Wake::Event`], and tell which of several words it was: at most 128.
const FIRST_WORD: u64 = 128;

/// See the header. All-zero is "running", sequence 0.
#[derive(Default)]
#[repr(transparent)]
pub(crate) struct State(AtomicU64);

impl State {
    /// Begins a park; the number identifies it to wakers. Owner only.
    #[inline(always)]
    pub(crate) fn prepare(&self) -> u64 {
        let seq = (self.0.load(Relaxed) >> 16) + 1;
        self.0.store(seq << 16 | PARKING, SeqCst);
        seq
    }

    /// Parks. False: a waker was here, go on. After true the waiter must not be touched by who called this.
    #[inline(always)]
    pub(crate) fn commit(&self, seq: u64) -> bool {
        self.0.compare_exchange(seq << 16 | PARKING, seq << 16 | PARKED, SeqCst, Relaxed).is_ok()
    }

    /// Ends park `seq` for the given reason, if nobody did yet.
    #[inline(always)]
    pub(crate) fn wake(&self, seq: u64, why: Wake) -> Woken {
        self.end(seq, why as u64)
    }

    /// Ends park `seq`, a wait on several words, because of the one at place `word`.
    pub(crate) fn wake_by_word(&self, seq: u64, word: u8) -> Woken {
        self.end(seq, FIRST_WORD + u64::from(word))
    }

    #[inline(always)]
    fn end(&self, seq: u64, why: u64) -> Woken {
        let woken = seq << 16 | why << 8 | WOKEN;
        loop {
            let s = self.0.load(SeqCst);
            let result = match s {
                s if s == seq << 16 | PARKING => Woken::Early,
                s if s == seq << 16 | PARKED => Woken::Parked,
                _ => return Woken::Late,
            };
            if self.0.compare_exchange(s, woken, SeqCst, Relaxed).is_ok() {
                return result;
            }
        }
    }

    /// The running park's number if it may still be woken.
    pub(crate) fn waiting(&self) -> Option<u64> {
        let s = self.0.load(SeqCst);
        matches!(s & 0xff, PARKING | PARKED).then_some(s >> 16)
    }

    /// After the park: why it ended. Owner only.
    #[inline(always)]
    pub(crate) fn finish(&self) -> Wake {
        let s = self.0.load(SeqCst);
        self.0.store(s & !0xff | RUNNING, Relaxed);
        match s >> 8 & 0xff {
            2 => Wake::Timeout,
            3 => Wake::Signal,
            _ => Wake::Event,
        }
    }

    /// Which of several words ended the last park, or the present one already; `None`: something else. Owner only.
    pub(crate) fn word(&self) -> Option<usize> {
        let s = self.0.load(SeqCst);
        (s >> 8 & 0xff).checked_sub(FIRST_WORD).map(|word| word as usize)
    }

    /// Gives a prepared park up: wakers that come now are late. Owner only.
    pub(crate) fn cancel(&self) {
        let s = self.0.load(SeqCst);
        self.0.store(s >> 16 << 16 | RUNNING, SeqCst);
    }
}
