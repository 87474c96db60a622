//! POSIX timers that signal a thread (SIGEV_THREAD_ID): the kernel knows no virtual thread, so such a timer signals the
//! process, and what comes is sent on to the thread by the timer's id.

use super::action;
use crate::abi::{Step, cpu_time, err};
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::kernel::SigInfo;
use crate::sys::spin::Spin;
use crate::sys::{self, nr, user};

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
    Step::Native
}

/// The thread a timer's signal is for, if it is one of these.
pub(super) fn target(info: &SigInfo) -> Option<u32> {
    if info.code != SI_TIMER {
        return None;
    }
    // `si_timerid` is the first word after the header.
    let id = info.fields[0] as u32 as i32;
    DIRECTED.lock().iter().find(|p| p.1 != 0 && p.0 == id).map(|p| p.1)
}

/// For the child of a fork: timers are not inherited.
///
/// # Safety
/// No other thread exists.
pub(super) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { DIRECTED.reset() };
    DIRECTED.lock().fill((0, 0));
}
