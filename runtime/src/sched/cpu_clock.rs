//! The CPU clock of each virtual thread.
//!
//! The kernel counts for OS threads. Asking it at every switch would cost a system call; the time stamp counter costs
//! nothing (the switch reads it anyway), but also counts while the kernel has the OS thread wait or runs another one. So:
//!
//! - a stretch of running that is shorter than [`LONG`] is counted by time stamps. What is wrong in it is bounded;
//! - after a longer one the kernel is asked: what its clock has gained since it was last asked (the *anchor*), less the
//!   short stretches since, was this one. The anchor is renewed every [`ANCHORED`], so that what the engine itself used
//!   meanwhile stays small.
//!
//! Both together cost less than a thousandth. A stretch begins where the one before it on the same OS thread ended: the
//! switch is paid for by whom it brings in, as in the kernel. Idle time is nobody's. Where time stamps do not run evenly
//! every stretch counts as long.
//!
//! Threads' counters are written by who runs them and read by anyone. Who reads the clock of a thread that runs elsewhere
//! adds what the kernel knows of that OS thread; the answer never goes back ([`Thread::cpu_seen`]).

use super::os_thread::OsThread;
use super::thread::{Thread, ThreadRef};
use crate::arch;
use crate::sys::kernel::Timespec;
use crate::sys::{self, nr};
use core::sync::atomic::{AtomicU64, Ordering::*};

/// Time stamps: some 100 us.
const LONG: u64 = 1 << 18;
/// Time stamps: some milliseconds.
const ANCHORED: u64 = 1 << 22;

/// [`LONG`], or 0 where time stamps cannot be trusted.
static SHORT: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds of a time stamp, times 2^32.
static SCALE: AtomicU64 = AtomicU64::new(0);
/// Time stamp and monotonic clock when the library was loaded.
static LOADED: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

/// The library is loaded: a first look at both clocks.
pub(crate) fn at_load() {
    LOADED[0].store(arch::timestamp(), Relaxed);
    LOADED[1].store(sys::monotonic(), Relaxed);
}

/// The gate opens, some milliseconds later: a second look.
pub(crate) fn init() {
    let ticks = arch::timestamp().saturating_sub(LOADED[0].load(Relaxed)).max(1);
    let ns = sys::monotonic().saturating_sub(LOADED[1].load(Relaxed));
    SCALE.store((((ns as u128) << 32) / ticks as u128) as u64, Relaxed);
    SHORT.store(if arch::timestamps_are_even() { LONG } else { 0 }, Relaxed);
}

fn to_ns(ticks: u64) -> u64 {
    ((ticks as u128 * SCALE.load(Relaxed) as u128) >> 32) as u64
}

/// The kernel's CPU clock of an OS thread, 0 for the calling one; 0 if there is no such thread.
fn kernel_clock(ktid: i32) -> u64 {
    // clockid_t of a thread's own clock (posix-timers.h, CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED).
    let clock = if ktid == 0 { libc::CLOCK_THREAD_CPUTIME_ID } else { !ktid << 3 | 6 };
    let mut t = Timespec::default();
    // SAFETY: the kernel writes the structure.
    unsafe { sys::syscall2(nr(libc::SYS_clock_gettime), clock as usize, &raw mut t as usize) };
    t.nanos().unwrap_or(0)
}

/// A stretch begins now: the OS thread was idle, or is new.
pub(crate) fn begin(os: &OsThread) {
    os.cpu.since.store(arch::timestamp(), Relaxed);
}

/// A stretch begins, where the last one ended.
#[inline(always)]
pub(crate) fn go_on(os: &OsThread) {
    let since = os.cpu.since.load(Relaxed);
    if since.wrapping_sub(os.cpu.anchored.load(Relaxed)) > ANCHORED {
        anchor(os, since, kernel_clock(0));
    }
}

#[cold]
fn anchor(os: &OsThread, at: u64, ns: u64) {
    os.cpu.anchored.store(at, Relaxed);
    os.cpu.anchor.store(ns, Relaxed);
    os.cpu.counted.store(0, Relaxed);
}

/// The stretch of `t`, which runs here, ends, or is looked at; gives the time stamp.
#[inline(always)]
pub(crate) fn charge(os: &OsThread, t: &Thread) -> u64 {
    let now = arch::timestamp();
    let ticks = now.saturating_sub(os.cpu.since.load(Relaxed));
    os.cpu.since.store(now, Relaxed);
    if ticks < SHORT.load(Relaxed) {
        add(&os.cpu.counted, ticks);
        add(&t.cpu_ticks, ticks);
    } else {
        charge_long(os, t, now, ticks);
    }
    now
}

#[cold]
fn charge_long(os: &OsThread, t: &Thread, now: u64, ticks: u64) {
    let ns = kernel_clock(0);
    let known = os.cpu.anchor.load(Relaxed) + to_ns(os.cpu.counted.load(Relaxed));
    add(&t.cpu_ns, ns.saturating_sub(known).min(to_ns(ticks)));
    anchor(os, now, ns);
}

/// Adds to a counter that only one thread writes.
#[inline(always)]
fn add(to: &AtomicU64, n: u64) {
    to.store(to.load(Relaxed).wrapping_add(n), Relaxed);
}

fn counted(t: &Thread) -> u64 {
    t.cpu_ns.load(Relaxed) + to_ns(t.cpu_ticks.load(Relaxed))
}

/// What is shown never goes back.
fn show(t: &Thread, ns: u64) -> u64 {
    t.cpu_seen.fetch_max(ns, Relaxed).max(ns)
}

/// The clock of the thread that makes a call here.
pub(crate) fn own(t: ThreadRef) -> u64 {
    charge(t.os(), &t);
    show(&t, counted(&t))
}

/// The clock of another thread, which cannot end meanwhile.
pub(crate) fn of(t: ThreadRef) -> u64 {
    // SAFETY: OS threads' records stay.
    let Some(os) = (unsafe { t.os.get().as_ref() }) else { return show(&t, counted(&t)) };
    let runs = || core::ptr::eq(os.current.load(SeqCst), t.as_ptr());
    let mut ns = counted(&t);
    for _ in 0..4 {
        let since = os.cpu.since.load(Relaxed);
        ns = counted(&t);
        if !runs() {
            break;
        }
        let most = to_ns(arch::timestamp().saturating_sub(since));
        let known = os.cpu.anchor.load(Relaxed) + to_ns(os.cpu.counted.load(Relaxed));
        let running = kernel_clock(os.ktid.load(Relaxed)).saturating_sub(known).min(most);
        if since == os.cpu.since.load(SeqCst) {
            ns += running;
            break;
        }
    }
    show(&t, ns)
}

/// An OS thread's part. All zero: to be anchored at the first stretch.
#[derive(Default)]
pub(crate) struct Cpu {
    /// Time stamp at which the present stretch began.
    since: AtomicU64,
    /// Time stamp of the anchor, and what the kernel's clock said there.
    anchored: AtomicU64,
    anchor: AtomicU64,
    /// Time stamps counted in short stretches since then.
    counted: AtomicU64,
}
