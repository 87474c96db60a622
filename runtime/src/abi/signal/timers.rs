//! POSIX timers.
//!
//! Those that signal a thread (SIGEV_THREAD_ID): the kernel knows no virtual thread, so such a timer signals the process, and
//! what comes is sent on to the thread by the timer's id.
//!
//! Overruns: a timer has one signal pending at most, and the kernel counts what expires meanwhile (timer_getoverrun(2)).
//! While a signal waits here and not in the kernel, the timer's next one comes, too: it is counted to the first.

use super::{Queue, action};
use crate::abi::{Step, cpu_time, err};
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::kernel::SigInfo;
use crate::sys::spin::Spin;
use crate::sys::{self, nr, user};
use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// `struct sigevent` of the kernel: the head of its 64 bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct SigEvent {
    value: u64,
    signo: i32,
    notify: i32,
    tid: i32,
    pad: [i32; 11],
}
// SAFETY: integers.
unsafe impl user::Plain for SigEvent {}

/// Timer and thread, for those that signal a virtual one. Tid 0 is a free place.
static DIRECTED: Spin<[(i32, u32); 256]> = Spin::new([(0, 0); 256]);

const SI_TIMER: i32 = -2;

/// timer_create(2).
pub(crate) fn timer_create(t: ThreadRef) -> Step {
    let (event_at, id_at) = (t.arg(1), t.arg(2));
    let clock = match cpu_time::of_timer(t) {
        Ok(clock) => clock,
        Err(s) => return s,
    };
    // SAFETY: the program's call, with another name of the clock at most.
    let plain = || Step::Done(unsafe { sys::syscall3(nr(libc::SYS_timer_create), clock as usize, event_at, id_at) });
    if event_at == 0 {
        return plain();
    }
    let event: SigEvent = match user::get(event_at) {
        Ok(e) => e,
        Err(f) => return f.into(),
    };
    let tid = event.tid as u32;
    if event.notify != libc::SIGEV_THREAD_ID || tids::with(tid, |_| ()).is_none() {
        return plain();
    }
    let mut all = DIRECTED.lock();
    let Some(place) = all.iter_mut().find(|p| p.1 == 0) else { return err(libc::EAGAIN) };
    // The signal must not find its default action in the kernel: it comes to us.
    action::take_over(super::bit(event.signo), true);
    let ours = SigEvent { notify: libc::SIGEV_SIGNAL, tid: 0, ..event };
    // SAFETY: the kernel copies our structure and writes the id where the program wants it.
    let r = unsafe { sys::syscall3(nr(libc::SYS_timer_create), clock as usize, &raw const ours as usize, id_at) };
    if !sys::is_err(r)
        && let Ok(id) = user::get::<i32>(id_at)
    {
        *place = (id, tid);
    }
    Step::Done(r)
}

/// timer_delete(2).
pub(crate) fn timer_delete(t: ThreadRef) -> Step {
    let id = t.arg(0) as i32;
    if let Some(p) = DIRECTED.lock().iter_mut().find(|p| p.1 != 0 && p.0 == id) {
        p.1 = 0;
    }
    set_left_out(id, 0);
    Step::Native
}

/// Timers whose pending signal stands for several of the kernel's, and how many expirations the kernel's count leaves out.
/// With more than these the count is the kernel's. Id -1 is a free place.
static LEFT_OUT: Spin<[(i32, i32); 64]> = Spin::new([(-1, 0); 64]);
/// Places taken, so that nobody looks in vain.
static SOME_LEFT_OUT: AtomicUsize = AtomicUsize::new(0);

/// `si_timerid` and `si_overrun`.
fn id_and_overrun(info: &SigInfo) -> (i32, i32) {
    (info.fields[0] as i32, (info.fields[0] >> 32) as i32)
}

/// Counts a signal of a timer to the one that is pending of it, if there is one.
pub(super) fn joins(info: &SigInfo, queue: &Queue) -> bool {
    if info.code != SI_TIMER {
        return false;
    }
    let (id, overrun) = id_and_overrun(info);
    let mut left_out = 0;
    let joined = queue.change(info.signo, |first| {
        let (first_id, before) = id_and_overrun(first);
        if first.code != SI_TIMER || first_id != id {
            return false;
        }
        left_out = before.saturating_add(1);
        first.fields[0] = id as u32 as u64 | (left_out.saturating_add(overrun) as u32 as u64) << 32;
        true
    });
    set_left_out(id, left_out);
    joined
}

fn set_left_out(id: i32, count: i32) {
    if count == 0 && SOME_LEFT_OUT.load(SeqCst) == 0 {
        return;
    }
    let mut all = LEFT_OUT.lock();
    let place = all.iter().position(|p| p.0 == id).or_else(|| all.iter().position(|p| p.0 == -1 && count != 0));
    if let Some(place) = place {
        all[place] = if count == 0 { (-1, 0) } else { (id, count) };
    }
    SOME_LEFT_OUT.store(all.iter().filter(|p| p.0 != -1).count(), SeqCst);
}

/// timer_getoverrun(2).
pub(crate) fn timer_getoverrun(t: ThreadRef) -> Step {
    if SOME_LEFT_OUT.load(SeqCst) == 0 {
        return Step::Native;
    }
    // SAFETY: no pointers.
    let r = unsafe { sys::syscall1(nr(libc::SYS_timer_getoverrun), t.arg(0)) };
    let left_out = LEFT_OUT.lock().iter().find(|p| p.0 == t.arg(0) as i32).map_or(0, |p| p.1);
    Step::Done(if sys::is_err(r) { r } else { (r as i32).saturating_add(left_out) as isize })
}

/// The thread a timer's signal is for, if it is one of these.
pub(super) fn target(info: &SigInfo) -> Option<u32> {
    if info.code != SI_TIMER {
        return None;
    }
    let (id, _) = id_and_overrun(info);
    DIRECTED.lock().iter().find(|p| p.1 != 0 && p.0 == id).map(|p| p.1)
}

/// For the child of a fork: timers are not inherited.
///
/// # Safety
/// No other thread exists.
pub(super) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe {
        DIRECTED.reset();
        LEFT_OUT.reset();
    }
    DIRECTED.lock().fill((0, 0));
    LEFT_OUT.lock().fill((-1, 0));
    SOME_LEFT_OUT.store(0, SeqCst);
}
