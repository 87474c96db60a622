//! Which descriptors of the time before the gate are this process's alone.
//!
//! A server makes its listener before its first thread, when nobody watches. If the process has neither been forked since
//! the library was loaded nor has children when the gate opens, what was opened in between is its own: inherited is only
//! what was open at the beginning. Not seen: a child that has made itself an orphan, and a descriptor that came by
//! SCM_RIGHTS. With those, a connection taken by the other process between poll and accept makes the accept wait in the
//! kernel for the next one.

use super::entry;
use crate::sys::kernel::Timespec;
use crate::sys::{self, nr};
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering::*};

/// Descriptors below this are looked at; others count as shared.
const LOOKED_AT: usize = 64;
/// Those that were open at the beginning.
static OPEN_THEN: [AtomicU64; LOOKED_AT / 64] = [const { AtomicU64::new(!0) }; LOOKED_AT / 64];
/// The process that was loaded; 0: nobody called [`at_load`].
static LOADED: AtomicI32 = AtomicI32::new(0);

/// Calls `f` with every descriptor that is open.
fn each_open(mut f: impl FnMut(usize)) {
    let mut set = [libc::pollfd { fd: 0, events: 0, revents: 0 }; LOOKED_AT];
    for (fd, p) in set.iter_mut().enumerate() {
        p.fd = fd as i32;
    }
    let now = Timespec::default();
    // RLIMIT_NOFILE bounds the number of entries (poll(2), EINVAL).
    let mut n = LOOKED_AT;
    loop {
        // SAFETY: an array and a timeout of our own; with a timeout of zero nothing waits.
        let r =
            unsafe { sys::syscall5(nr(libc::SYS_ppoll), set.as_mut_ptr() as usize, n, &raw const now as usize, 0, 8) };
        if r >= 0 {
            break;
        }
        n /= 2;
        if n == 0 {
            return;
        }
    }
    for (fd, p) in set[..n].iter().enumerate() {
        if p.revents & libc::POLLNVAL == 0 {
            f(fd);
        }
    }
}

/// When the library is loaded: what is open now is inherited.
pub(crate) fn at_load() {
    // SAFETY: getpid has no effect.
    LOADED.store(unsafe { sys::syscall0(nr(libc::SYS_getpid)) } as i32, Relaxed);
    for word in &OPEN_THEN {
        word.store(0, Relaxed);
    }
    each_open(|fd| {
        OPEN_THEN[fd / 64].fetch_or(1 << (fd % 64), Relaxed);
    });
}

/// When the gate opens.
pub(super) fn at_open() {
    // SAFETY: getpid has no effect; waitid writes nothing and takes nothing (WNOWAIT).
    let (pid, children) = unsafe {
        let options = (libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOHANG | libc::WNOWAIT) as usize;
        (
            sys::syscall0(nr(libc::SYS_getpid)) as i32,
            sys::syscall5(nr(libc::SYS_waitid), libc::P_ALL as usize, 0, 0, options, 0),
        )
    };
    if LOADED.load(Relaxed) != pid || children != -libc::ECHILD as isize {
        return;
    }
    each_open(|fd| {
        if OPEN_THEN[fd / 64].load(Relaxed) & 1 << (fd % 64) == 0
            && let Some(e) = entry(fd as i32)
        {
            e.made_before();
        }
    });
}
