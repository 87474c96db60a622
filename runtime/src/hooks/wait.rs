//! What all calls share: a try that does not block, a wait, another try.

use crate::sys::{self, KResult, nr};
use crate::task::{self, NEVER, OnSignal, Scheduler, Wake};
use core::ffi::c_int;

pub(super) const IN: u32 = libc::EPOLLIN as u32;
pub(super) const OUT: u32 = libc::EPOLLOUT as u32;

/// A kernel result as libc gives it: -1 and errno for an error. errno stays untouched otherwise.
pub(super) fn result(r: KResult) -> isize {
    if sys::is_err(r) {
        task::set_errno(-r as i32);
        -1
    } else {
        r
    }
}

/// Why a wait did not end with another try.
pub(super) enum End {
    /// The call has this result.
    Result(KResult),
    /// Only the call itself can wait: it must be made, and holds the thread up.
    Block,
}

/// Waits for a descriptor to be ready. `timeout`: nanoseconds from the beginning of the call, for sockets with a time-out.
pub(super) fn ready(s: &Scheduler, fd: c_int, events: u32, deadline: u64) -> Result<(), End> {
    match s.wait_for(&[(fd, events)], deadline, OnSignal::End) {
        None => Err(End::Block),
        Some(woken @ (Wake::Kill | Wake::Expired)) => Err(End::Result(-woken.errno() as isize)),
        Some(Wake::Timeout) => Err(End::Result(-libc::EAGAIN as isize)),
        // A call that a handler with SA_RESTART interrupted goes on; none does when the socket has a time-out (signal(7)).
        Some(Wake::Signal) if deadline != NEVER || !handlers_restart() => Err(End::Result(-libc::EINTR as isize)),
        Some(_) => Ok(()),
    }
}

/// Whether every handler that the program has, but for faults, asks for calls to be restarted. (Which one ran is not known. If they differ, the
/// call is interrupted: a program with a handler that interrupts is prepared for it.)
pub(super) fn handlers_restart() -> bool {
    const FAULTS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];
    (1..=libc::SIGRTMAX()).filter(|signal| !FAULTS.contains(signal)).all(|signal| {
        // SAFETY: all-zero is an action; sigaction(2) without a new one writes the old.
        unsafe {
            let mut action: libc::sigaction = core::mem::zeroed();
            let unknown = libc::sigaction(signal, core::ptr::null(), &raw mut action) != 0;
            let none = action.sa_sigaction == libc::SIG_DFL || action.sa_sigaction == libc::SIG_IGN;
            unknown || none || action.sa_flags & libc::SA_RESTART != 0
        }
    })
}

/// Whether the program itself made the descriptor non-blocking.
pub(super) fn is_nonblocking(fd: c_int) -> bool {
    // SAFETY: F_GETFL has no pointer.
    let r = unsafe { sys::syscall2(nr(libc::SYS_fcntl), fd as usize, libc::F_GETFL as usize) };
    sys::is_err(r) || r as c_int & libc::O_NONBLOCK != 0
}

/// Whether one of the events is there now.
pub(super) fn is_ready(fd: c_int, events: u32) -> bool {
    let mut p = libc::pollfd { fd, events: events as i16, revents: 0 };
    // SAFETY: one element; no waiting.
    unsafe { sys::syscall3(nr(libc::SYS_poll), &raw mut p as usize, 1, 0) != 0 }
}

/// The parts of a transfer that are still to be done.
pub(super) struct Rest {
    parts: Vec<libc::iovec>,
    first: usize,
}

impl Rest {
    /// # Safety
    /// `parts` points to `count` elements.
    pub(super) unsafe fn new(parts: *const libc::iovec, count: usize) -> Rest {
        let parts = if count == 0 {
            &[]
        } else {
            // SAFETY: by contract.
            unsafe { core::slice::from_raw_parts(parts, count) }
        };
        Rest { parts: parts.to_vec(), first: 0 }
    }

    pub(super) fn parts(&self) -> &[libc::iovec] {
        &self.parts[self.first..]
    }

    pub(super) fn len(&self) -> usize {
        self.parts().iter().map(|p| p.iov_len).sum()
    }

    /// So much is done.
    pub(super) fn advance(&mut self, mut done: usize) {
        while let Some(part) = self.parts.get_mut(self.first) {
            if done < part.iov_len {
                part.iov_base = part.iov_base.wrapping_byte_add(done);
                part.iov_len -= done;
                return;
            }
            done -= part.iov_len;
            self.first += 1;
        }
    }
}
