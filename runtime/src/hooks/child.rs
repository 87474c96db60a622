//! wait(2), waitpid(2), waitid(2), wait3(2), wait4(2).
//!
//! The try is the call with WNOHANG. A helper waits until there is something to tell, without taking it (WNOWAIT): a process
//! descriptor would not tell of stopped children, nor of any of several.

use super::real;
use super::types::*;
use super::wait::handlers_restart;
use crate::task::{self, OnSignal, Scheduler, offload};
use core::ops::ControlFlow;
use core::ptr::null_mut;

/// Options by which the call concerns children of the calling thread, or of other kinds.
const PECULIAR: c_int = libc::__WNOTHREAD | libc::__WALL | libc::__WCLONE;

/// Tries and waits by turns. `attempt` answers `None` while there is nothing to tell.
fn until(
    s: &Scheduler,
    kind: idtype_t,
    id: id_t,
    options: c_int,
    attempt: impl Fn() -> Option<c_int>,
    block: impl FnOnce() -> c_int,
) -> c_int {
    if options & (PECULIAR | libc::WNOHANG) != 0 {
        return block();
    }
    loop {
        if let Some(r) = attempt() {
            return r;
        }
        let look = move || {
            // SAFETY: all-zero is a siginfo, and waitid writes it.
            unsafe { real::waitid(kind, id, &mut core::mem::zeroed(), options | libc::WNOWAIT) };
        };
        match offload(s, OnSignal::End, look) {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(libc::EINTR) if handlers_restart() => {}
            ControlFlow::Break(libc::EAGAIN) => return block(),
            ControlFlow::Break(errno) => {
                task::set_errno(errno);
                return -1;
            }
        }
    }
}

pub(super) unsafe fn wait(s: &Scheduler, status: *mut c_int) -> pid_t {
    // SAFETY: the caller's arguments.
    unsafe { wait4(s, -1, status, 0, null_mut()) }
}

pub(super) unsafe fn wait3(s: &Scheduler, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t {
    // SAFETY: the caller's arguments.
    unsafe { wait4(s, -1, status, options, usage) }
}

pub(super) unsafe fn waitpid(s: &Scheduler, pid: pid_t, status: *mut c_int, options: c_int) -> pid_t {
    // SAFETY: the caller's arguments.
    unsafe { wait4(s, pid, status, options, null_mut()) }
}

pub(super) unsafe fn wait4(s: &Scheduler, pid: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t {
    let (kind, id) = match pid {
        -1 => (libc::P_ALL, 0),
        0 => (libc::P_PGID, 0),
        ..-1 => (libc::P_PGID, pid.unsigned_abs()),
        _ => (libc::P_PID, pid as id_t),
    };
    // WUNTRACED is WSTOPPED, and WCONTINUED the same for both (bits/waitflags.h).
    let waitid_options = options | libc::WEXITED;
    // SAFETY: the caller's arguments.
    let attempt = || match unsafe { real::wait4(pid, status, options | libc::WNOHANG, usage) } {
        0 => None,
        r => Some(r),
    };
    // SAFETY: the caller's arguments.
    until(s, kind, id, waitid_options, attempt, || unsafe { real::wait4(pid, status, options, usage) })
}

pub(super) unsafe fn waitid(s: &Scheduler, kind: idtype_t, id: id_t, info: *mut siginfo_t, options: c_int) -> c_int {
    let attempt = || {
        // SAFETY: all-zero is a siginfo. With WNOHANG and nothing to tell, the process number stays 0 (waitid(2)).
        unsafe {
            let mut found: siginfo_t = core::mem::zeroed();
            let r = real::waitid(kind, id, &raw mut found, options | libc::WNOHANG);
            if r == 0 && found.si_pid() == 0 {
                return None;
            }
            if r == 0 && !info.is_null() {
                *info = found;
            }
            Some(r)
        }
    };
    // SAFETY: the caller's arguments.
    until(s, kind, id, options, attempt, || unsafe { real::waitid(kind, id, info, options) })
}
