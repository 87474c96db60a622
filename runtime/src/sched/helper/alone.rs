//! A call that belongs to a helper where none is to be had (`pids.max`, RLIMIT_NPROC, memory): the carrier makes it, a moment
//! at a time, and others have their turn in between. So one thread waits for another's lock even with a single OS thread.
//!
//! What is called off has done nothing (EINTR) and is made again; what cannot be called off ends by itself (fsync). A limit
//! that is relative to the call's beginning is shortened at each turn.

use super::super::thread::ThreadRef;
use super::super::tick::Turn;
use super::{Call, Wake};
use crate::abi::{self, Step};
use crate::arch;
use crate::sys::kernel::Timespec;
use crate::sys::{self, user};
use core::sync::atomic::Ordering::*;

/// `CallState::word` of a call that is made so.
pub(super) const MARK: u64 = u64::MAX;
/// Nanoseconds of a turn, and of the others' turn after it.
const TURN: u64 = 2_000_000;
const PAUSE: u64 = 500_000;

/// The first turn.
pub(super) fn first(t: ThreadRef, call: Call) -> Step {
    t.call.word.set(MARK);
    t.call.done.set(t.call.deadline.get());
    t.offloaded.set(sys::monotonic() as isize);
    turn(t, call)
}

/// The next one.
pub(super) fn again(t: ThreadRef, why: Wake, call: impl FnOnce() -> Call) -> Step {
    t.call.deadline.set(t.call.done.get());
    if why == Wake::Signal {
        return Step::Interrupted;
    }
    turn(t, call())
}

fn turn(t: ThreadRef, mut call: Call) -> Step {
    let os = t.os();
    os.job.called_off.store(0, SeqCst);
    let left = relative_limit(&call).and_then(|i| {
        let whole = user::get::<Timespec>(call[i]).ok()?.nanos()?;
        Some((i, Timespec::from_nanos(whole.saturating_sub(sys::monotonic() - t.offloaded.get() as u64))))
    });
    if let Some((i, left)) = &left {
        call[*i] = &raw const *left as usize;
    }
    let Some(alarm) = Turn::begin(os, TURN) else { return Step::Native };
    // SAFETY: a call of the program's, with its arguments or less of its limit, on behalf of a thread that waits for it.
    let r = unsafe { arch::interruptible_call(&os.job.called_off, &call) };
    drop(alarm);
    // The signal was for this call: whoever runs next has its whole slice, else two calls like this one starve everybody.
    os.resched.store(false, Relaxed);
    if r != -libc::EINTR as isize {
        return Step::Done(r);
    }
    abi::prepare(t, abi::after(PAUSE), true);
    Step::Park
}

/// The argument that is a limit relative to now (the first argument is 1); null is none.
fn relative_limit(call: &Call) -> Option<usize> {
    let op = call[2] as i32 & !libc::FUTEX_PRIVATE_FLAG;
    match call[0] as libc::c_long {
        libc::SYS_futex if op == libc::FUTEX_WAIT => Some(4),
        libc::SYS_semtimedop => Some(4),
        _ => None,
    }
    .filter(|i| call[*i] != 0)
}
