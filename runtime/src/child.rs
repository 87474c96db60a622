//! Waiting for a child process without a patch.

use crate::net::wait_readable;
use crate::sys::{self, nr};
use std::io::{Error, Result};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Child, ExitStatus};

/// Waits for a child to end, while other coroutines run: what [`Child::wait`] does when it is patched.
///
/// ```
/// let mut child = std::process::Command::new("true").spawn()?;
/// assert!(patchall::process::wait(&mut child)?.success());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// As [`Child::wait`]; ENOSYS before Linux 5.3, which has no descriptors of processes.
pub fn wait(child: &mut Child) -> Result<ExitStatus> {
    // As std does: a child that waits for the end of its input would wait for us.
    drop(child.stdin.take());
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    // SAFETY: pidfd_open(2) has no pointers. The child has not been waited for, so its number is still its own.
    let fd = unsafe { sys::syscall2(nr(libc::SYS_pidfd_open), child.id() as usize, 0) };
    if sys::is_err(fd) {
        return Err(Error::from_raw_os_error(-fd as i32));
    }
    // SAFETY: a new descriptor, which nobody else knows.
    let process = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    loop {
        wait_readable(&process, None)?;
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
    }
}
