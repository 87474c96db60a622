//! Signals that were pending for the first thread alone when the gate opened.
//!
//! The kernel keeps them for the OS thread, where whoever runs on it later would find them, and the first thread, on
//! another, would not. So they move to the thread's own queue. What is pending for the process stays in the kernel, blocked
//! on every OS thread, until a thread opens it. Which is which only procfs tells: rt_sigpending(2) gives both.

use super::calls;
use crate::sys::kernel::SigInfo;
use crate::sys::{self, nr};

/// Takes what is pending for the calling OS thread alone.
pub(super) fn take_own(mut f: impl FnMut(&SigInfo)) {
    let mut pending = 0u64;
    // SAFETY: the kernel writes 8 bytes.
    unsafe { sys::syscall2(nr(libc::SYS_rt_sigpending), &raw mut pending as usize, size_of::<u64>()) };
    if pending == 0 {
        return;
    }
    // The kernel takes those of the thread before those of the process (kernel/signal.c, dequeue_signal).
    while let Some(info) = own_pending().and_then(|own| calls::kernel_pending(own & pending)) {
        f(&info);
    }
}

/// `SigPnd` of proc_pid_status(5), if there are any.
fn own_pending() -> Option<u64> {
    let path = c"/proc/thread-self/status".as_ptr() as usize;
    let mut text = [0u8; 4096];
    // SAFETY: a path and a buffer of our own, and a descriptor that nobody else knows.
    let n = unsafe {
        let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
        let fd = sys::syscall4(nr(libc::SYS_openat), libc::AT_FDCWD as usize, path, flags, 0);
        if sys::is_err(fd) {
            return None;
        }
        let n = sys::syscall3(nr(libc::SYS_read), fd as usize, text.as_mut_ptr() as usize, text.len());
        sys::syscall1(nr(libc::SYS_close), fd as usize);
        n
    };
    let line = text.get(..usize::try_from(n).ok()?)?.split(|c| *c == b'\n').find_map(|l| l.strip_prefix(b"SigPnd:"))?;
    let set = u64::from_str_radix(core::str::from_utf8(line).ok()?.trim(), 16).ok()?;
    (set != 0).then_some(set)
}
