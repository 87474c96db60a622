//! futex(2) for virtual threads.
//!
//! A waiter's node is its `Waiter` record, chained in one of 4096 buckets by the address of the word: [`bucket`] has the
//! protocol, this file what the kernel's interface makes of it.

mod bucket;
mod several;

use super::time::to_monotonic;
use super::{Step, after, err, prepare, shared};
use crate::sched::helper;
use crate::sched::state::Wake;
use crate::sched::thread::ThreadRef;
use crate::sched::timer::NEVER;
use crate::sched::{self, tids};
use crate::sys::kernel::Timespec;
use crate::sys::user::Fault;
use crate::sys::{self, nr, user};
use bucket::{Buckets, Slot};
pub(crate) use several::waitv;

const BUCKETS: usize = 4096;
static TABLE: Buckets<BUCKETS> = Buckets::new([const { Slot::new() }; BUCKETS]);

const TID_MASK: u32 = 0x3fff_ffff;
const WAITERS: u32 = 0x8000_0000;
const OWNER_DIED: u32 = 0x4000_0000;

/// Wakes up to `most` virtual waiters; for the engine's own use (the word was changed before).
pub(crate) fn wake(addr: usize, most: u32, bits: u32) -> u32 {
    TABLE.wake(addr, most, bits)
}

/// The futex system call.
pub(crate) fn futex(t: ThreadRef) -> Step {
    let (addr, op, val) = (t.arg(0), t.arg(1) as i32, t.arg(2) as u32);
    if addr & 3 != 0 {
        return err(libc::EINVAL);
    }
    let realtime = op & libc::FUTEX_CLOCK_REALTIME != 0;
    if op & libc::FUTEX_PRIVATE_FLAG == 0 && shared::is_shared(addr) {
        return with_other_processes(t, op);
    }
    let plain = op & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
    if op & libc::FUTEX_PRIVATE_FLAG == 0 && matches!(plain, libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET) {
        // Who says that others may have the word is told when nobody could ever change it (kernel/futex/core.c,
        // get_futex_key).
        if let Err(f) = user::update(addr, |w| w) {
            return f.into();
        }
    }
    match plain {
        libc::FUTEX_WAIT => wait(t, addr, val, u32::MAX, false, false),
        libc::FUTEX_WAIT_BITSET => wait(t, addr, val, t.arg(5) as u32, true, realtime),
        libc::FUTEX_WAKE => wake_call(t, addr, val, u32::MAX),
        libc::FUTEX_WAKE_BITSET => wake_call(t, addr, val, t.arg(5) as u32),
        libc::FUTEX_REQUEUE => requeue(t, addr, val, None),
        libc::FUTEX_CMP_REQUEUE => requeue(t, addr, val, Some(t.arg(5) as u32)),
        libc::FUTEX_WAKE_OP => wake_op(t, addr, val),
        libc::FUTEX_LOCK_PI => lock_pi(t, addr, true),
        libc::FUTEX_LOCK_PI2 => lock_pi(t, addr, realtime),
        libc::FUTEX_TRYLOCK_PI => try_lock_pi(t, addr),
        libc::FUTEX_UNLOCK_PI => unlock_pi(t, addr),
        // FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI: glibc gave them up in 2.25; ENOSYS is what a kernel without
        // PI futexes says.
        _ => err(libc::ENOSYS),
    }
}

/// A word that another process may share, or that is mapped twice: only the kernel knows who waits on it, so a virtual
/// thread waits there, by a helper, and whoever wakes asks the kernel.
fn with_other_processes(t: ThreadRef, op: i32) -> Step {
    match op & !libc::FUTEX_CLOCK_REALTIME {
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => helper::offload(t),
        _ => Step::Native,
    }
}

/// The deadline a futex call's timeout argument means.
fn deadline(at: usize, absolute: bool, realtime: bool) -> Result<u64, Step> {
    if at == 0 {
        return Ok(NEVER);
    }
    let ns = user::get::<Timespec>(at)?.nanos().ok_or(err(libc::EINVAL))?;
    let clock = if realtime { libc::CLOCK_REALTIME } else { libc::CLOCK_MONOTONIC };
    Ok(if absolute { to_monotonic(clock, ns) } else { after(ns) })
}

fn holds(addr: usize, val: u32) -> Result<(), Step> {
    match user::load(addr) {
        Ok(w) if w == val => Ok(()),
        Ok(_) => Err(err(libc::EAGAIN)),
        Err(f) => Err(f.into()),
    }
}

fn wait(t: ThreadRef, addr: usize, val: u32, bits: u32, absolute: bool, realtime: bool) -> Step {
    match t.woken() {
        None => {
            if bits == 0 {
                return err(libc::EINVAL);
            }
            match deadline(t.arg(3), absolute, realtime) {
                Ok(d) => t.call.deadline.set(d),
                Err(e) => return e,
            }
            if tids::live() == 1 {
                return Step::Native;
            }
        }
        Some(Wake::Retry) => {}
        Some(Wake::Event) => return Step::Done(0),
        Some(Wake::Timeout) => {
            TABLE.leave(&t.waiter);
            return err(libc::ETIMEDOUT);
        }
        Some(Wake::Signal) => {
            TABLE.leave(&t.waiter);
            return Step::Interrupted;
        }
    }
    match TABLE.wait(addr, &t.waiter, bits, || holds(addr, val), || prepare(t, t.call.deadline.get(), true)) {
        Ok(()) => Step::Park,
        Err(e) => e,
    }
}

/// FUTEX_WAKE: virtual waiters first, then those of the kernel (threads that are not ours, other processes).
fn wake_call(t: ThreadRef, addr: usize, most: u32, bits: u32) -> Step {
    if bits == 0 {
        return err(libc::EINVAL);
    }
    // The kernel treats a count below one as one (futex_wake).
    let most = (most as i32).max(1) as u32;
    let n = wake(addr, most, bits);
    if n < most && kernel_may_have_waiters(t) {
        let r = native_rest(t, (most - n) as usize);
        return Step::Done(if sys::is_err(r) && n > 0 { n as isize } else { r + n as isize });
    }
    Step::Done(n as isize)
}

/// Whether somebody who is not a virtual thread of this process can wait on the word of this call.
fn kernel_may_have_waiters(t: ThreadRef) -> bool {
    t.arg(1) as i32 & libc::FUTEX_PRIVATE_FLAG == 0 || crate::process::has_foreign_threads()
}

fn native_rest(t: ThreadRef, val: usize) -> isize {
    let r = t.regs();
    // SAFETY: the call the program made, with another count.
    unsafe {
        sys::syscall6(
            nr(libc::SYS_futex),
            r.rdi as usize,
            r.rsi as usize,
            val,
            r.r10 as usize,
            r.r8 as usize,
            r.r9 as usize,
        )
    }
}

fn requeue(t: ThreadRef, from: usize, wakes: u32, expected: Option<u32>) -> Step {
    let (moves, to) = (t.arg(3) as u32, t.arg(4));
    if (wakes as i32) < 0 || (moves as i32) < 0 || to & 3 != 0 {
        return err(libc::EINVAL);
    }
    let check = || expected.map_or(Ok(()), |v| holds(from, v));
    match TABLE.requeue([from, to], [wakes, moves], check) {
        Ok(n) => Step::Done(n as isize),
        Err(e) => e,
    }
}

/// FUTEX_WAKE_OP: futex(2) tells the encoding.
fn wake_op(t: ThreadRef, addr: usize, most: u32) -> Step {
    let (most2, addr2, code) = (t.arg(3) as u32, t.arg(4), t.arg(5) as u32);
    let (op, cmp) = (code >> 28, code >> 24 & 15);
    let sign_extend = |v: u32| ((v << 20) as i32 >> 20) as u32;
    let (mut arg, cmp_arg) = (sign_extend(code >> 12 & 0xfff), sign_extend(code & 0xfff));
    if op & 8 != 0 {
        arg = 1 << (arg & 31);
    }
    let apply = |w: u32| match op & 7 {
        0 => arg,
        1 => w.wrapping_add(arg),
        2 => w | arg,
        3 => w & !arg,
        _ => w ^ arg,
    };
    if op & 7 > 4 || cmp > 5 {
        return err(libc::ENOSYS);
    }
    let (mut a, b) = TABLE.lock_two(addr, addr2);
    let old = match user::update(addr2, apply) {
        Ok(w) => w,
        Err(f) => return f.into(),
    };
    let (x, y) = (old as i32, cmp_arg as i32);
    let second = match cmp {
        0 => x == y,
        1 => x != y,
        2 => x < y,
        3 => x <= y,
        4 => x > y,
        _ => x >= y,
    };
    let mut n = a.wake(addr, most, u32::MAX);
    if second {
        n += match b {
            Some(mut b) => b.wake(addr2, most2, u32::MAX),
            None => a.wake(addr2, most2, u32::MAX),
        };
    }
    Step::Done(n as isize)
}

// Priority inheritance. The word holds the owner's tid, which is ours, so the kernel can do nothing with it; there are no
// kernel priorities among virtual threads, so what is left is the hand-over from owner to first waiter.

/// Takes the lock if it is free: the word that was found.
fn take_pi(t: ThreadRef, addr: usize) -> Result<u32, Fault> {
    let tid = t.tid.get();
    user::update(addr, |w| if w & TID_MASK == 0 { w & (WAITERS | OWNER_DIED) | tid } else { w | WAITERS })
}

fn lock_pi(t: ThreadRef, addr: usize, realtime: bool) -> Step {
    match t.woken() {
        None => match deadline(t.arg(3), true, realtime) {
            Ok(d) => t.call.deadline.set(d),
            Err(e) => return e,
        },
        // The waker made us the owner before it woke us.
        Some(Wake::Event) => return Step::Done(0),
        Some(Wake::Timeout) => {
            TABLE.leave(&t.waiter);
            // Under the lock: whoever unlocks may have made us the owner and be about to see that we are not waiting.
            let _b = TABLE.of(addr).lock();
            return if owns(t, addr) { Step::Done(0) } else { err(libc::ETIMEDOUT) };
        }
        // futex_lock_pi is restarted after a signal, whatever SA_RESTART says (-ERESTARTNOINTR).
        Some(Wake::Signal | Wake::Retry) => TABLE.leave(&t.waiter),
    }
    let mut b = TABLE.of(addr).lock();
    let old = match user::load(addr).map(|w| w & TID_MASK) {
        Ok(owner) if owner == t.tid.get() => {
            return if t.woken().is_some() { Step::Done(0) } else { err(libc::EDEADLK) };
        }
        Ok(_) => match take_pi(t, addr) {
            Ok(w) => w,
            Err(f) => return f.into(),
        },
        Err(f) => return f.into(),
    };
    if old & TID_MASK == 0 {
        return Step::Done(0);
    }
    if tids::with(old & TID_MASK, |_| ()).is_none() && old & OWNER_DIED == 0 {
        return err(libc::ESRCH);
    }
    let seq = prepare(t, t.call.deadline.get(), false);
    b.link(&t.waiter, addr, seq, u32::MAX);
    Step::Park
}

fn owns(t: ThreadRef, addr: usize) -> bool {
    user::load(addr).is_ok_and(|w| w & TID_MASK == t.tid.get())
}

fn try_lock_pi(t: ThreadRef, addr: usize) -> Step {
    let _b = TABLE.of(addr).lock();
    match user::load(addr).map(|w| w & TID_MASK) {
        Ok(owner) if owner == t.tid.get() => err(libc::EDEADLK),
        Ok(0) => match take_pi(t, addr) {
            Ok(_) => Step::Done(0),
            Err(f) => f.into(),
        },
        Ok(_) => err(libc::EAGAIN),
        Err(f) => f.into(),
    }
}

fn unlock_pi(t: ThreadRef, addr: usize) -> Step {
    if !owns(t, addr) {
        return err(libc::EPERM);
    }
    match hand_over_pi(addr, 0) {
        Ok(()) => Step::Done(0),
        Err(f) => f.into(),
    }
}

/// The owner of a PI lock died: the first waiter gets it, with the mark.
pub(crate) fn owner_died(addr: usize) {
    let _ = hand_over_pi(addr, OWNER_DIED);
}

fn hand_over_pi(addr: usize, mark: u32) -> Result<(), Fault> {
    let mut b = TABLE.of(addr).lock();
    while let Some(w) = b.first(addr) {
        b.unlink(w);
        let more = if b.first(addr).is_some() { WAITERS } else { 0 };
        // SAFETY: waiters in a bucket are parts of threads.
        let tid = unsafe { ThreadRef::of_waiter(w) }.tid.get();
        user::update(addr, |_| tid | more | mark)?;
        if sched::wake(w, w.futex_seq.get(), Wake::Event) {
            return Ok(());
        }
    }
    user::update(addr, |_| mark)?;
    Ok(())
}

/// Forgets all waiters: for the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { TABLE.after_fork() };
}
