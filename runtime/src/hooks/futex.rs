//! futex(2) as std's locks call it, by syscall(2): Mutex, RwLock, Condvar, Once, Barrier, park and what is made of them.
//!
//! A coroutine that waits enters a table, by address, and parks; a wake by any thread of the process looks there first and
//! then asks the kernel. The word is compared under the table's lock, after the count of waiters went up; a waker changes the
//! word before it looks at the count. So one of the two sees the other. Such a wait is ended by its wake or its time only,
//! never by a kill or a time limit: std has no way of telling its caller.
//!
//! Every other call goes straight on. (So a program that exports this must not call `syscall(SYS_vfork)`, whose child would
//! return through this frame before the parent does; `vfork` and `posix_spawn` are right.)

use super::real::Real;
use super::types::*;
use crate::monkey::Groups;
use crate::sys;
use crate::task::{self, Address, NEVER, OnSignal, Scheduler, Wait, Wake};
use core::mem::transmute;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::*, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many coroutines wait.
static WAITING: AtomicUsize = AtomicUsize::new(0);
static TABLE: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

struct Entry {
    word: usize,
    bits: u32,
    who: Address,
    number: u64,
}

/// std's Parker (library/std/src/sys/sync/thread_parking/futex.rs): the word of a thread that is parked.
const PARKED: u32 = u32::MAX;

/// The table, without coming back here when it is contended.
fn table<R>(s: Option<&Scheduler>, f: impl FnOnce(&mut MutexGuard<'_, Vec<Entry>>) -> R) -> R {
    let f = || f(&mut TABLE.lock().unwrap_or_else(PoisonError::into_inner));
    match s {
        Some(s) => s.quietly(f),
        None => f(),
    }
}

/// What the exported symbol does.
///
/// # Safety
/// As for syscall(2).
#[inline]
pub unsafe fn syscall(number: c_long, a: [usize; 6]) -> c_long {
    if number == libc::SYS_futex && Groups::THREAD.any_is_patched() {
        let operation = a[1] as c_int & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
        match (operation, task::hooked()) {
            (libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET, Some(s)) => {
                // SAFETY: the caller's arguments.
                return unsafe { wait(s, operation, a) };
            }
            (libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET, s) => {
                fence(SeqCst);
                if WAITING.load(SeqCst) > 0 {
                    // SAFETY: the caller's arguments.
                    return unsafe { wake(s, operation, a) };
                }
            }
            _ => {}
        }
    }
    // SAFETY: the caller's arguments.
    unsafe { real(number, a) }
}

/// libc's own.
unsafe fn real(number: c_long, a: [usize; 6]) -> c_long {
    static REAL: Real = Real::new(c"syscall");
    type Syscall = unsafe extern "C-unwind" fn(c_long, usize, usize, usize, usize, usize, usize) -> c_long;
    // SAFETY: syscall(2); a variadic function takes integers in the same registers (psABI 3.2.3).
    unsafe { transmute::<*mut c_void, Syscall>(REAL.get())(number, a[0], a[1], a[2], a[3], a[4], a[5]) }
}

fn failed(errno: c_int) -> c_long {
    task::set_errno(errno);
    -1
}

/// When a wait ends; `None`: the time is none, which the kernel shall say.
///
/// # Safety
/// `time` points to a time, or is null.
unsafe fn deadline(operation: c_int, flags: c_int, time: *const timespec) -> Option<u64> {
    // SAFETY: by contract.
    let Some(time) = (unsafe { time.as_ref() }) else {
        return Some(NEVER);
    };
    let d = super::time::duration(time)?;
    if operation == libc::FUTEX_WAIT {
        return Some(task::after(d));
    }
    if flags & libc::FUTEX_CLOCK_REALTIME != 0 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        return Some(task::after(d.saturating_sub(now)));
    }
    Some(u64::try_from(d.as_nanos()).unwrap_or(NEVER).min(NEVER - 1))
}

unsafe fn wait(s: &Scheduler, operation: c_int, a: [usize; 6]) -> c_long {
    let (word, value) = (a[0], a[2] as u32);
    let bits = if operation == libc::FUTEX_WAIT { u32::MAX } else { a[5] as u32 };
    // SAFETY: the caller's time.
    let deadline = unsafe { deadline(operation, a[1] as c_int, a[3] as *const timespec) };
    let Some(deadline) = deadline.filter(|_| word != 0 && word.is_multiple_of(4) && bits != 0) else {
        // SAFETY: the caller's arguments, which the kernel refuses.
        return unsafe { real(libc::SYS_futex, a) };
    };
    static LAST: AtomicUsize = AtomicUsize::new(0);
    let number = LAST.fetch_add(1, Relaxed) as u64;
    WAITING.fetch_add(1, SeqCst);
    let who = s.quietly(|| s.prepare_outside());
    let entered = table(Some(s), |t| {
        // SAFETY: the caller's word, which is aligned.
        let now = unsafe { (*(word as *const AtomicU32)).load(SeqCst) };
        if now == value {
            t.push(Entry { word, bits, who, number });
            return Ok(());
        }
        Err(value == PARKED && now == PARKED - 1 && t.iter().any(|e| e.word == word))
    });
    if let Err(parked_twice) = entered {
        WAITING.fetch_sub(1, SeqCst);
        s.cancel();
        if parked_twice {
            park_twice();
        }
        return failed(libc::EAGAIN);
    }
    let wait =
        Wait { on_signal: OnSignal::Ignore, outside: true, firm: true, ..Wait::on("a lock of std's").until(deadline) };
    let woken = s.park(wait);
    table(Some(s), |t| t.retain(|e| e.number != number));
    WAITING.fetch_sub(1, SeqCst);
    if woken == Wake::Timeout { failed(libc::ETIMEDOUT) } else { 0 }
}

unsafe fn wake(s: Option<&Scheduler>, operation: c_int, mut a: [usize; 6]) -> c_long {
    let bits = if operation == libc::FUTEX_WAKE { u32::MAX } else { a[5] as u32 };
    let most = i32::try_from(a[2] as isize).unwrap_or(i32::MAX).max(0) as usize;
    let picked = table(s, |t| {
        let mut picked = Vec::new();
        while picked.len() < most
            && let Some(i) = t.iter().position(|e| e.word == a[0] && e.bits & bits != 0)
        {
            picked.push(t.remove(i).who);
        }
        picked
    });
    picked.iter().for_each(Address::wake);
    let woken = picked.len();
    if woken == most && most > 0 {
        return woken as c_long;
    }
    a[2] = most - woken;
    // SAFETY: the caller's arguments, but for the number.
    let r = unsafe { real(libc::SYS_futex, a) };
    if r < 0 && woken > 0 { woken as c_long } else { r + woken as c_long }
}

/// std keeps one Parker for a thread: a second wait in it would spin for ever, and the first would never end.
#[cold]
fn park_twice() -> ! {
    sys::stderr(
        b"patchall: two coroutines of one thread wait in std::thread::park or std::sync::mpsc at once, of which std has one \
          for a thread; patchall::park, patchall::sync::channel and Queue are made for coroutines\n",
    );
    std::process::abort()
}
