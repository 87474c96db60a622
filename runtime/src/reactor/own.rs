//! The engine's own descriptors: numbered high, close-on-exec, and hidden from the program.

use crate::sys::{self, nr};
use core::sync::atomic::{AtomicI32, Ordering::*};

/// Room for all the engine ever opens for long: epoll, eventfd, and one socket for each block of thread ids (sched/tids.rs).
const MOST: usize = 16;
static OWN: [AtomicI32; MOST] = [const { AtomicI32::new(-1) }; MOST];

/// Whether a descriptor is the engine's. The program closing it, or duplicating onto it, must not happen.
#[inline]
pub(crate) fn is_own(fd: i32) -> bool {
    fd >= 0 && OWN.iter().any(|o| o.load(Relaxed) == fd)
}

/// The lowest of the engine's descriptors that is not below `from`.
pub(crate) fn next_own(from: u32) -> Option<u32> {
    OWN.iter().filter_map(|o| u32::try_from(o.load(Relaxed)).ok()).filter(|fd| *fd >= from).min()
}

/// Moves a fresh descriptor to a high number and remembers it.
pub(crate) fn raise(r: isize) -> Result<i32, i32> {
    if sys::is_err(r) {
        return Err(-r as i32);
    }
    let low = r as usize;
    let mut limit = [0u64; 2];
    // SAFETY: prlimit64 writes two words; the other calls have no pointers; `low` is ours.
    let fd = unsafe {
        sys::syscall4(nr(libc::SYS_prlimit64), 0, libc::RLIMIT_NOFILE as usize, 0, limit.as_mut_ptr() as usize);
        let limit = limit[0].min(1 << 20);
        // Under a small limit the upper half: what the program opens next has the numbers it expects.
        let least = limit.saturating_sub(2 * MOST as u64).max(limit / 2) as usize;
        let high = sys::syscall3(nr(libc::SYS_fcntl), low, libc::F_DUPFD_CLOEXEC as usize, least);
        if sys::is_err(high) {
            low as i32
        } else {
            sys::syscall1(nr(libc::SYS_close), low);
            high as i32
        }
    };
    match OWN.iter().find(|o| o.compare_exchange(-1, fd, SeqCst, Relaxed).is_ok()) {
        Some(_) => Ok(fd),
        None => {
            // SAFETY: ours, and nobody knows it.
            unsafe { sys::syscall1(nr(libc::SYS_close), fd as usize) };
            Err(libc::EMFILE)
        }
    }
}

/// Closes one.
pub(super) fn close(fd: i32) {
    if let Some(o) = OWN.iter().find(|o| o.load(Relaxed) == fd) {
        o.store(-1, SeqCst);
        // SAFETY: ours.
        unsafe { sys::syscall1(nr(libc::SYS_close), fd as usize) };
    }
}

/// Closes all of them: in the child of a fork they are the parent's.
///
/// # Safety
/// Nobody uses them any more.
pub(super) unsafe fn close_all() {
    for o in &OWN {
        let fd = o.swap(-1, SeqCst);
        if fd >= 0 {
            // SAFETY: by contract.
            unsafe { sys::syscall1(nr(libc::SYS_close), fd as usize) };
        }
    }
}
