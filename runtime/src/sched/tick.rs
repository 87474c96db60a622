//! Preemption: the signal that takes the processor from a thread that computes.
//!
//! Each carrier's OS thread has a timer on its own CPU clock, so an idle or blocked one has no ticks. The kernel gives it
//! at its own granularity (4 ms at HZ=250); for what is to be sooner, the watchdog ([`super::watch`]) kicks. The signal is one of the two that glibc keeps for itself
//! (33, SIGSETXID): programs cannot block it, wait for it or send it by accident; ours are told apart by `si_code` and a
//! cookie. The handler copies the interrupted context into a record of the thread and sends the OS thread to its hub.

use super::os_thread::{OsThread, Trap};
use crate::arch;
use crate::sys::kernel::{SigInfo, UContext};
use crate::sys::{self, nr};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU64, Ordering::*};

/// The signal.
pub(crate) const SIGNAL: i32 = 33;
/// What our timers and kicks carry.
const COOKIE: u64 = 0x7061_7463_6861_6c6c;
/// What the timer of a turn carries (sched/helper/alone.rs).
const TURN: u64 = COOKIE ^ 1;
const SI_TIMER: i32 = -2;
pub(crate) const SI_QUEUE: i32 = -1;

/// Slice in nanoseconds, 0: no tick.
static SLICE: AtomicU64 = AtomicU64::new(4_000_000);

/// Sets the slice, in nanoseconds; 0 turns preemption off.
pub(crate) fn set_slice(ns: u64) {
    SLICE.store(ns, Relaxed);
}

/// The slice, in nanoseconds; 0: no preemption.
pub(super) fn slice() -> u64 {
    SLICE.load(Relaxed)
}

/// Starts the calling OS thread's timer. Without one (no memory for it) its threads are not preempted.
pub(crate) fn arm(os: &OsThread) {
    if slice() == 0 {
        return;
    }
    if os.timer.get() == 0
        && let Ok(id) = create(os, libc::CLOCK_THREAD_CPUTIME_ID, COOKIE)
    {
        os.timer.set(id as i32 + 1);
    }
    set_own(os, slice());
}

/// Stops it: the OS thread has no role.
pub(super) fn stop(os: &OsThread) {
    set_own(os, 0);
}

fn set_own(os: &OsThread, slice: u64) {
    if os.timer.get() != 0 {
        set(os.timer.get() as usize - 1, [0, slice, 0, slice]);
    }
}

/// The OS thread ends. Its timer would not.
pub(super) fn delete(os: &OsThread) {
    if os.timer.get() != 0 {
        // SAFETY: our own timer.
        unsafe { sys::syscall1(nr(libc::SYS_timer_delete), os.timer.replace(0) as usize - 1) };
    }
}

/// A timer of the calling OS thread that ends its turn in a call it makes alone.
pub(super) struct Turn(usize);

impl Turn {
    /// Ends after so many nanoseconds, less than a second. Once: the signal is remembered if it comes before the call.
    pub(super) fn begin(os: &OsThread, ns: u64) -> Option<Turn> {
        let turn = Turn(create(os, libc::CLOCK_MONOTONIC, TURN).ok()?);
        set(turn.0, [0, 0, 0, ns]);
        Some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // SAFETY: a timer of our own.
        unsafe { sys::syscall1(nr(libc::SYS_timer_delete), self.0) };
    }
}

/// Whether a signal is that of a [`Turn`].
pub(super) fn ends_turn(info: &SigInfo) -> bool {
    info.code == SI_TIMER && info.fields[1] == TURN
}

/// Makes a timer that signals the calling OS thread.
fn create(os: &OsThread, clock: libc::clockid_t, cookie: u64) -> Result<usize, i32> {
    /// `struct sigevent` of the kernel.
    #[repr(C)]
    struct Event {
        value: u64,
        signo: i32,
        notify: i32,
        tid: i32,
        pad: [i32; 11],
    }
    let ev =
        Event { value: cookie, signo: SIGNAL, notify: libc::SIGEV_THREAD_ID, tid: os.ktid.load(Relaxed), pad: [0; 11] };
    let mut id = 0i32;
    // SAFETY: structures of our own, which the kernel copies.
    let r = unsafe {
        sys::syscall3(nr(libc::SYS_timer_create), clock as usize, &raw const ev as usize, &raw mut id as usize)
    };
    if sys::is_err(r) { Err(-r as i32) } else { Ok(id as usize) }
}

/// Sets a timer of ours; `spec`: seconds and nanoseconds of interval and first time.
fn set(id: usize, spec: [u64; 4]) {
    // SAFETY: the kernel copies the structure.
    unsafe { sys::syscall4(nr(libc::SYS_timer_settime), id, 0, &raw const spec as usize, 0) };
}

/// Asks an OS thread to look at its queue now. At most one kick is outstanding.
pub(crate) fn kick(os: &OsThread) {
    if os.kicked.swap(true, SeqCst) {
        return;
    }
    let mut info = SigInfo { signo: SIGNAL, code: SI_QUEUE, ..Default::default() };
    info.fields[1] = COOKIE;
    // SAFETY: rt_tgsigqueueinfo(2) copies the structure.
    unsafe {
        let (pid, tid) = (crate::process::pid() as usize, os.ktid.load(Relaxed) as usize);
        let r = sys::syscall4(nr(libc::SYS_rt_tgsigqueueinfo), pid, tid, SIGNAL as usize, &raw const info as usize);
        if sys::is_err(r) {
            // No room for one (RLIMIT_SIGPENDING): none is under way.
            os.kicked.store(false, SeqCst);
        }
    }
}

/// Keeps the engine's signal from the calling OS thread, and waits for what is under way: a signal that is pending over
/// execve(2) meets its default action in the new program, and kills it.
pub(crate) fn silence(os: &OsThread) {
    stop(os);
    // A kick that somebody is about to send, or has sent, is over when its handler has run. After that, ours is "outstanding".
    while os.kicked.swap(true, SeqCst) {
        // SAFETY: gives the time slice away.
        unsafe { sys::syscall0(nr(libc::SYS_sched_yield)) };
    }
}

/// The end of [`silence`].
pub(crate) fn speak(os: &OsThread) {
    os.kicked.store(false, SeqCst);
    if !os.carrier.load(Relaxed).is_null() {
        arm(os);
    }
}

/// Whether a signal is one of ours. `si_value` follows pid and uid for a queued one, timer id and overrun for a timer's.
pub(crate) fn is_ours(info: &SigInfo) -> bool {
    info.signo == SIGNAL && matches!(info.code, SI_TIMER | SI_QUEUE) && (info.fields[1] == COOKIE || ends_turn(info))
}

/// In the signal handler, which has taken note that no kick is under way: takes the processor from the thread that runs,
/// unless it is in the engine.
///
/// # Safety
/// `uc` is the context the kernel passed to the handler that calls this.
pub(crate) unsafe fn on_signal(os: &OsThread, info: &SigInfo, uc: &mut UContext) {
    super::helper::on_signal(os, info, uc);
    let t = os.current.load(Relaxed);
    if t.is_null() || os.inside.load(Relaxed) != 0 || in_entry_or_exit(uc) {
        os.resched.store(true, Relaxed);
        if arch::EXIT_CRITICAL.contains(uc.mcontext.rip as usize) {
            go_to_hub(os, uc, Trap::Again);
        }
        return;
    }
    // SAFETY: a running thread's record.
    let t = unsafe { &*t };
    let spare = os.spare.get();
    if spare.is_null() || t.vfork.get() {
        return;
    }
    // SAFETY: the kernel's frame is complete.
    if unsafe { (*spare).store(uc) } {
        os.spare.set(null_mut());
        t.saved.set(spare);
        go_to_hub(os, uc, Trap::Tick);
    }
}

/// Whether the context is in the stretch where registers are on their way in or out.
pub(crate) fn in_entry_or_exit(uc: &UContext) -> bool {
    let pc = uc.mcontext.rip as usize;
    arch::ENTRY_CRITICAL.contains(pc) || arch::EXIT_CRITICAL.contains(pc)
}

/// Makes the handler's return land in the hub.
pub(crate) fn go_to_hub(os: &OsThread, uc: &mut UContext, why: Trap) {
    os.trap.set(why);
    os.inside.store(1, Relaxed);
    uc.mcontext.rip = os.hub_ip.get();
    uc.mcontext.rsp = os.hub_sp.get();
    uc.mcontext.rflags &= !0x400; // the direction flag, which the ABI wants clear
}
