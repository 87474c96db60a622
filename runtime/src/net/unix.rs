//! UNIX sockets.

use super::io::{IN, Io, OUT};
use super::tcp::{limits, socket, stream};
use crate::sync::blocking;
use std::io::{IoSlice, IoSliceMut, Read, Result, Write};
use std::net::Shutdown;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

/// As [`std::os::unix::net::UnixStream`].
///
/// ```
/// use patchall::net::UnixStream;
/// use std::io::{Read, Write};
/// let (mut a, mut b) = UnixStream::pair()?;
/// patchall::spawn(move || a.write_all(b"hello"));
/// let mut text = String::new();
/// b.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixStream(Io<net::UnixStream>);

socket!(UnixStream, net::UnixStream);
limits!(UnixStream);
stream!(UnixStream);

impl UnixStream {
    /// Connects. (A helper thread does: a listener whose queue is full has no other way of making one wait.)
    ///
    /// # Errors
    /// As std's.
    pub fn connect(to: impl AsRef<Path>) -> Result<UnixStream> {
        let to = to.as_ref().to_owned();
        UnixStream::from_std(blocking(move || net::UnixStream::connect(to))?)
    }

    /// Two that are connected.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn pair() -> Result<(UnixStream, UnixStream)> {
        let (a, b) = net::UnixStream::pair()?;
        Ok((UnixStream::from_std(a)?, UnixStream::from_std(b)?))
    }

    /// Closes one direction, or both.
    ///
    /// # Errors
    /// As std's.
    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        self.0.get().shutdown(how)
    }

    /// Another handle to the same connection.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn try_clone(&self) -> Result<UnixStream> {
        UnixStream::from_std(self.0.get().try_clone()?)
    }
}

/// As [`std::os::unix::net::UnixListener`].
pub struct UnixListener(Io<net::UnixListener>);

socket!(UnixListener, net::UnixListener);

impl UnixListener {
    /// Listens at a path.
    ///
    /// # Errors
    /// As std's.
    pub fn bind(at: impl AsRef<Path>) -> Result<UnixListener> {
        UnixListener::from_std(net::UnixListener::bind(at)?)
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// As std's.
    pub fn accept(&self) -> Result<(UnixStream, SocketAddr)> {
        let (stream, from) = self.0.attempt(IN, net::UnixListener::accept)?;
        Ok((UnixStream::from_std(stream)?, from))
    }

    /// Connection after connection.
    pub fn incoming(&self) -> impl Iterator<Item = Result<UnixStream>> {
        std::iter::repeat_with(|| self.accept().map(|(stream, _)| stream))
    }
}

/// As [`std::os::unix::net::UnixDatagram`].
pub struct UnixDatagram(Io<net::UnixDatagram>);

socket!(UnixDatagram, net::UnixDatagram);
limits!(UnixDatagram);

impl UnixDatagram {
    /// A socket at a path.
    ///
    /// # Errors
    /// As std's.
    pub fn bind(at: impl AsRef<Path>) -> Result<UnixDatagram> {
        UnixDatagram::from_std(net::UnixDatagram::bind(at)?)
    }

    /// Two that are connected.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn pair() -> Result<(UnixDatagram, UnixDatagram)> {
        let (a, b) = net::UnixDatagram::pair()?;
        Ok((UnixDatagram::from_std(a)?, UnixDatagram::from_std(b)?))
    }

    /// Sends a datagram where the socket is connected to.
    ///
    /// # Errors
    /// As std's.
    pub fn send(&self, from: &[u8]) -> Result<usize> {
        self.0.attempt(OUT, |s| s.send(from))
    }

    /// Waits for a datagram.
    ///
    /// # Errors
    /// As std's.
    pub fn recv(&self, to: &mut [u8]) -> Result<usize> {
        self.0.attempt(IN, |s| s.recv(to))
    }

    /// Sends a datagram to a path.
    ///
    /// # Errors
    /// As std's.
    pub fn send_to(&self, from: &[u8], to: impl AsRef<Path>) -> Result<usize> {
        self.0.attempt(OUT, |s| s.send_to(from, to.as_ref()))
    }

    /// Waits for a datagram, and says from where it came.
    ///
    /// # Errors
    /// As std's.
    pub fn recv_from(&self, to: &mut [u8]) -> Result<(usize, SocketAddr)> {
        self.0.attempt(IN, |s| s.recv_from(to))
    }
}
