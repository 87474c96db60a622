//! futex_waitv(2): a wait on several words at once, and which one ended it.
//!
//! A thread's own node can be in one bucket, so the words have a node each, which stand for the thread's waiter
//! (`Waiter::stands_for`); the waker that ends the park leaves the place of its word in the state word, so that exactly one
//! word is told. The nodes are made at the call, which is no hot path, and stay with the pool. A call all of whose words are
//! shared with other processes is the kernel's, by a helper.

use super::{TABLE, deadline, holds};
use crate::abi::{Step, err, prepare, shared};
use crate::mem::{Pool, Pooled};
use crate::sched::helper;
use crate::sched::state::Wake;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sched::waiter::Waiter;
use crate::sys::kernel::FutexWaiter;
use crate::sys::user;
use core::sync::atomic::AtomicPtr;

/// `FUTEX_WAITV_MAX`.
const MOST: usize = 128;
const FUTEX2_SIZE_MASK: u32 = 3;
const FUTEX2_SIZE_U32: u32 = 2;
const FUTEX2_PRIVATE: u32 = libc::FUTEX_PRIVATE_FLAG as u32;

/// The nodes of one wait. All-zero: in no bucket.
#[repr(C, align(64))]
struct Set {
    nodes: [Waiter; MOST],
    next: AtomicPtr<Set>,
}
// SAFETY: nodes are touched as `Waiter` says.
unsafe impl Sync for Set {}
// SAFETY: `next` is unused while the set is not free.
unsafe impl Pooled for Set {
    fn next_free(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

static POOL: Pool<Set> = Pool::new();

/// In `CallState::word`, beside the set's address: a helper's is a multiple of 64, or one more.
const IS_SET: u64 = 2;

/// futex_waitv(2).
pub(crate) fn waitv(t: ThreadRef) -> Step {
    let (at, n, flags) = (t.arg(0), t.arg(1) as u32 as usize, t.arg(2) as u32);
    match t.woken() {
        None => {
            if flags != 0 || n == 0 || n > MOST || at == 0 {
                return err(libc::EINVAL);
            }
            match limit(t) {
                Ok(d) => t.call.deadline.set(d),
                Err(e) => return e,
            }
            match kinds(at, n) {
                Err(e) => return e,
                Ok(_) if tids::live() == 1 => return Step::Native,
                Ok((0, _)) => {}
                Ok((_, 0)) => return helper::offload(t),
                // Nobody hears both of the kernel's wakes and ours.
                Ok(_) => return err(libc::ENOSYS),
            }
        }
        Some(Wake::Retry) if t.call.word.get() == 0 => {}
        Some(_) if t.call.word.get() & 3 != IS_SET => return helper::offload(t),
        Some(why) => {
            let word = t.waiter.state.word();
            leave(t, n);
            return match why {
                Wake::Timeout => err(libc::ETIMEDOUT),
                Wake::Signal => Step::Interrupted,
                Wake::Event | Wake::Retry => Step::Done(word.unwrap_or(0) as isize),
            };
        }
    }
    begin(t, at, n)
}

/// The deadline of the call: absolute, on one of two clocks.
fn limit(t: ThreadRef) -> Result<u64, Step> {
    let (at, clock) = (t.arg(3), t.arg(4) as i32);
    if at != 0 && clock != libc::CLOCK_MONOTONIC && clock != libc::CLOCK_REALTIME {
        return Err(err(libc::EINVAL));
    }
    deadline(at, true, clock == libc::CLOCK_REALTIME)
}

/// How many words are shared with other processes, and how many are not.
fn kinds(at: usize, n: usize) -> Result<(usize, usize), Step> {
    let mut shared = 0;
    for i in 0..n {
        let w = waiter(at, i)?;
        shared += (w.flags & FUTEX2_PRIVATE == 0 && shared::is_shared(w.addr as usize)) as usize;
    }
    Ok((shared, n - shared))
}

/// One entry of the program's array, as futex_parse_waitv and get_futex_key check it (kernel/futex).
fn waiter(at: usize, i: usize) -> Result<FutexWaiter, Step> {
    let w: FutexWaiter = user::get(at + i * size_of::<FutexWaiter>())?;
    let known = w.flags & !(FUTEX2_SIZE_MASK | FUTEX2_PRIVATE) == 0 && w.reserved == 0;
    let word =
        w.flags & FUTEX2_SIZE_MASK == FUTEX2_SIZE_U32 && w.value <= u64::from(u32::MAX) && w.addr.is_multiple_of(4);
    if known && word { Ok(w) } else { Err(err(libc::EINVAL)) }
}

/// The nodes of the running call.
fn nodes(t: ThreadRef) -> &'static [Waiter; MOST] {
    // SAFETY: set by `waitv`; sets stay mapped.
    unsafe { &(*((t.call.word.get() & !IS_SET) as *const Set)).nodes }
}

/// Looks at every word and puts a node into its bucket; parks when all are as expected.
fn begin(t: ThreadRef, at: usize, n: usize) -> Step {
    let Ok(set) = POOL.take() else { return err(libc::ENOMEM) };
    t.call.word.set(set as u64 | IS_SET);
    let seq = prepare(t, t.call.deadline.get(), true);
    for (i, node) in nodes(t).iter().enumerate().take(n) {
        node.stands_for.set(&raw const t.waiter);
        node.word.set(i as u8);
        let linked = waiter(at, i).and_then(|w| {
            let addr = w.addr as usize;
            TABLE.wait(addr, node, u32::MAX, || holds(addr, w.value as u32), || seq)
        });
        if let Err(e) = linked {
            leave(t, i);
            // One that was woken meanwhile is the answer (futex_wait_multiple_setup).
            let word = if t.waiter.state.waiting().is_none() { t.waiter.state.word() } else { None };
            t.waiter.state.cancel();
            return word.map_or(e, |word| Step::Done(word as isize));
        }
    }
    Step::Park
}

/// Takes the first `n` nodes out of their buckets, and gives all back.
fn leave(t: ThreadRef, n: usize) {
    for node in &nodes(t)[..n] {
        TABLE.leave(node);
    }
    // SAFETY: no node is in a bucket.
    unsafe { POOL.give((t.call.word.replace(0) & !IS_SET) as *mut Set) };
}
