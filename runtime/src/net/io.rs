//! Try, wait, try again: what all sockets share.

use crate::task::{NEVER, OnSignal, Source, Wake, after, interrupted, own, remaining};
use std::cell::Cell;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::time::Duration;

pub(super) const IN: u32 = libc::EPOLLIN as u32;
pub(super) const OUT: u32 = libc::EPOLLOUT as u32;

/// A socket of std's that is non-blocking and registered.
pub(super) struct Io<S: AsRawFd> {
    // Before the socket, so that it is taken out before the socket is closed.
    source: Registered,
    inner: S,
    limits: [Cell<Option<Duration>>; 2],
}

struct Registered(Rc<Source>);

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(s) = remaining() {
            s.events().remove_source(&self.0);
        }
    }
}

/// Makes a descriptor blocking or not.
fn set_nonblocking(fd: i32, on: bool) -> Result<()> {
    let mut on = libc::c_int::from(on);
    // SAFETY: FIONBIO reads an int (ioctl_tty(2), socket(7)).
    if unsafe { libc::ioctl(fd, libc::FIONBIO, &raw mut on) } < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

impl<S: AsRawFd> Io<S> {
    pub(super) fn new(inner: S) -> Result<Io<S>> {
        let fd = inner.as_raw_fd();
        set_nonblocking(fd, true)?;
        let source = Registered(own().quietly(|| own().events().source(fd))?);
        Ok(Io { source, inner, limits: [const { Cell::new(None) }; 2] })
    }

    pub(super) fn get(&self) -> &S {
        &self.inner
    }

    /// The socket, as std wants it.
    pub(super) fn into_inner(self) -> Result<S> {
        let Io { source, inner, .. } = self;
        drop(source);
        set_nonblocking(inner.as_raw_fd(), false)?;
        Ok(inner)
    }

    /// Calls `f` until it does not answer WouldBlock.
    #[inline]
    pub(super) fn attempt<R>(&self, event: u32, mut f: impl FnMut(&S) -> Result<R>) -> Result<R> {
        loop {
            if self.source.0.may(event) {
                // Not through the hooks, which would do the same again.
                match own().quietly(|| f(&self.inner)) {
                    Err(e) if e.kind() == ErrorKind::WouldBlock => self.source.0.exhausted(event),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    other => return other,
                }
            }
            self.wait(event)?;
        }
    }

    /// As [`Io::attempt`], for reading `room` bytes of a stream.
    #[inline]
    pub(super) fn read(&self, room: usize, f: impl FnMut(&S) -> Result<usize>) -> Result<usize> {
        let n = self.attempt(IN, f)?;
        if n > 0 && n < room {
            self.source.0.drained();
        }
        Ok(n)
    }

    /// There is nothing now.
    pub(super) fn exhausted(&self, event: u32) {
        self.source.0.exhausted(event);
    }

    pub(super) fn wait(&self, event: u32) -> Result<()> {
        let limit = self.limits[usize::from(event == OUT)].get();
        match self.source.0.wait(event, limit.map_or(NEVER, after)) {
            Ok(()) => Ok(()),
            Err(Wake::Timeout) => Err(ErrorKind::WouldBlock.into()),
            Err(other) => interrupted(other),
        }
    }

    pub(super) fn limit(&self, event: u32) -> Option<Duration> {
        self.limits[usize::from(event == OUT)].get()
    }

    /// As std's: none is for ever, zero is refused.
    pub(super) fn set_limit(&self, event: u32, limit: Option<Duration>) -> Result<()> {
        if limit == Some(Duration::ZERO) {
            return Err(Error::new(ErrorKind::InvalidInput, "a time limit of zero"));
        }
        self.limits[usize::from(event == OUT)].set(limit);
        Ok(())
    }
}

/// Waits until a descriptor can be read without waiting, or has an error or end to tell. False: the limit has passed.
///
/// ```
/// use std::io::{Read, Write};
/// let (mut read, mut write) = std::io::pipe()?;
/// assert!(!patchall::wait_readable(&read, std::time::Duration::from_millis(1))?);
/// patchall::spawn(move || write.write_all(b"x"));
/// assert!(patchall::wait_readable(&read, None)?);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// The kernel refuses to watch the descriptor for want of memory.
pub fn wait_readable(fd: impl AsFd, limit: impl Into<Option<Duration>>) -> Result<bool> {
    wait(fd.as_fd().as_raw_fd(), IN, limit.into())
}

/// Waits until a descriptor can be written to without waiting, or has an error to tell. False: the limit has passed.
///
/// # Errors
/// As [`wait_readable`].
pub fn wait_writable(fd: impl AsFd, limit: impl Into<Option<Duration>>) -> Result<bool> {
    wait(fd.as_fd().as_raw_fd(), OUT, limit.into())
}

fn wait(fd: i32, event: u32, limit: Option<Duration>) -> Result<bool> {
    match own().wait_for(&[(fd, event)], limit.map_or(NEVER, after), OnSignal::Ignore) {
        Some(Wake::Event | Wake::Signal) => Ok(true),
        Some(Wake::Timeout) => Ok(false),
        Some(other) => interrupted(other),
        // Of a kind that never makes one wait.
        None => Ok(true),
    }
}
