//! TCP.

use super::io::{IN, Io, OUT};
use super::resolve::{ToSocketAddrs, each};
use crate::task::{Timeout, own};
use std::io::{Error, IoSlice, IoSliceMut, Read, Result, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd};
use std::time::Duration;

/// Descriptor, debug output, and the way from and to std's type.
macro_rules! socket {
    ($name:ident, $std:ty) => {
        impl $name {
            /// Takes over a socket of std's. It becomes non-blocking, for whoever else has it, too.
            ///
            /// # Errors
            /// The kernel refuses to watch it.
            pub fn from_std(socket: $std) -> std::io::Result<Self> {
                Io::new(socket).map($name)
            }

            /// Gives it back to std, blocking.
            ///
            /// # Errors
            /// It cannot be made blocking.
            pub fn into_std(self) -> std::io::Result<$std> {
                self.0.into_inner()
            }

            /// The error that came since this was asked last.
            ///
            /// # Errors
            /// The kernel does not say.
            pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                self.0.get().take_error()
            }
        }

        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.0.get().as_raw_fd()
            }
        }

        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.0.get().as_fd()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.get().fmt(f)
            }
        }
    };
}
pub(super) use socket;

/// Time limits of reading and writing.
macro_rules! limits {
    ($name:ident) => {
        impl $name {
            /// Limits how long a read waits; it fails with WouldBlock then.
            ///
            /// # Errors
            /// A limit of zero.
            pub fn set_read_timeout(&self, limit: Option<std::time::Duration>) -> std::io::Result<()> {
                self.0.set_limit(IN, limit)
            }

            /// Limits how long a write waits; it fails with WouldBlock then.
            ///
            /// # Errors
            /// A limit of zero.
            pub fn set_write_timeout(&self, limit: Option<std::time::Duration>) -> std::io::Result<()> {
                self.0.set_limit(OUT, limit)
            }

            /// How long a read waits.
            ///
            /// # Errors
            /// Never.
            pub fn read_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
                Ok(self.0.limit(IN))
            }

            /// How long a write waits.
            ///
            /// # Errors
            /// Never.
            pub fn write_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
                Ok(self.0.limit(OUT))
            }
        }
    };
}
pub(super) use limits;

/// Reading and writing of a stream.
macro_rules! stream {
    ($name:ident) => {
        impl Read for $name {
            fn read(&mut self, to: &mut [u8]) -> Result<usize> {
                (&*self).read(to)
            }

            fn read_vectored(&mut self, to: &mut [IoSliceMut<'_>]) -> Result<usize> {
                (&*self).read_vectored(to)
            }
        }

        impl Read for &$name {
            fn read(&mut self, to: &mut [u8]) -> Result<usize> {
                self.0.read(to.len(), |mut s| s.read(to))
            }

            fn read_vectored(&mut self, to: &mut [IoSliceMut<'_>]) -> Result<usize> {
                let room = to.iter().map(|part| part.len()).sum();
                self.0.read(room, |mut s| s.read_vectored(to))
            }
        }

        impl Write for $name {
            fn write(&mut self, from: &[u8]) -> Result<usize> {
                (&*self).write(from)
            }

            fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> Result<usize> {
                (&*self).write_vectored(from)
            }

            fn flush(&mut self) -> Result<()> {
                Ok(())
            }
        }

        impl Write for &$name {
            fn write(&mut self, from: &[u8]) -> Result<usize> {
                self.0.attempt(OUT, |mut s| s.write(from))
            }

            fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> Result<usize> {
                self.0.attempt(OUT, |mut s| s.write_vectored(from))
            }

            fn flush(&mut self) -> Result<()> {
                Ok(())
            }
        }
    };
}
pub(super) use stream;

/// As [`std::net::TcpStream`].
pub struct TcpStream(pub(super) Io<net::TcpStream>);

socket!(TcpStream, net::TcpStream);
limits!(TcpStream);
stream!(TcpStream);

/// A system call's result as std gives it.
pub(super) fn result(r: libc::c_int) -> Result<libc::c_int> {
    if r < 0 { Err(Error::last_os_error()) } else { Ok(r) }
}

/// A new socket of a family, and the address as the kernel wants it.
fn open(address: &SocketAddr) -> Result<(net::TcpStream, libc::sockaddr_storage, libc::socklen_t)> {
    // SAFETY: all-zero is an address of no family.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let len = match address {
        SocketAddr::V4(a) => {
            let v4 = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: a.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(a.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: the storage is large enough for any address.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in>().write(v4) };
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(a) => {
            let v6 = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: a.port().to_be(),
                sin6_flowinfo: a.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: a.ip().octets() },
                sin6_scope_id: a.scope_id(),
            };
            // SAFETY: as above.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in6>().write(v6) };
            size_of::<libc::sockaddr_in6>()
        }
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: a new descriptor, which nobody else knows.
    let stream = unsafe { net::TcpStream::from_raw_fd(result(libc::socket(storage.ss_family.into(), kind, 0))?) };
    Ok((stream, storage, len as libc::socklen_t))
}

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// # Errors
    /// As [`std::net::TcpStream::connect`].
    pub fn connect(to: impl ToSocketAddrs) -> Result<TcpStream> {
        each(to, TcpStream::connect_one)
    }

    /// Connects within a time.
    ///
    /// # Errors
    /// As [`TcpStream::connect`]; TimedOut when the time has passed.
    pub fn connect_timeout(to: &SocketAddr, limit: Duration) -> Result<TcpStream> {
        Timeout::after(limit, || TcpStream::connect_one(to))?
    }

    fn connect_one(to: &SocketAddr) -> Result<TcpStream> {
        let (stream, address, len) = open(to)?;
        // SAFETY: the address is as long as it says. (Not through the hook: the socket does not block.)
        let begun =
            own().quietly(|| result(unsafe { libc::connect(stream.as_raw_fd(), (&raw const address).cast(), len) }));
        let io = Io::new(stream)?;
        match begun {
            Ok(_) => {}
            Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => {
                io.exhausted(OUT);
                io.wait(OUT)?;
                if let Some(e) = io.get().take_error()? {
                    return Err(e);
                }
            }
            Err(e) => return Err(e),
        }
        Ok(TcpStream(io))
    }

    /// Another handle to the same connection.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn try_clone(&self) -> Result<TcpStream> {
        TcpStream::from_std(self.0.get().try_clone()?)
    }

    /// Reads without taking what is read.
    ///
    /// # Errors
    /// As [`std::net::TcpStream::peek`].
    pub fn peek(&self, to: &mut [u8]) -> Result<usize> {
        self.0.attempt(IN, |s| s.peek(to))
    }

    /// The other end's address.
    ///
    /// # Errors
    /// As std's.
    pub fn peer_addr(&self) -> Result<SocketAddr> {
        self.0.get().peer_addr()
    }

    /// This end's address.
    ///
    /// # Errors
    /// As std's.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// Closes one direction, or both.
    ///
    /// # Errors
    /// As std's.
    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        self.0.get().shutdown(how)
    }

    /// Whether small pieces are sent at once (TCP_NODELAY).
    ///
    /// # Errors
    /// As std's.
    pub fn set_nodelay(&self, on: bool) -> Result<()> {
        self.0.get().set_nodelay(on)
    }

    /// See [`TcpStream::set_nodelay`].
    ///
    /// # Errors
    /// As std's.
    pub fn nodelay(&self) -> Result<bool> {
        self.0.get().nodelay()
    }
}

/// As [`std::net::TcpListener`].
pub struct TcpListener(Io<net::TcpListener>);

socket!(TcpListener, net::TcpListener);

impl TcpListener {
    /// Listens at the first of the addresses that can be had.
    ///
    /// # Errors
    /// As [`std::net::TcpListener::bind`].
    pub fn bind(at: impl ToSocketAddrs) -> Result<TcpListener> {
        each(at, |a| TcpListener::from_std(net::TcpListener::bind(a)?))
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// As [`std::net::TcpListener::accept`]; EMFILE when no descriptor is left.
    pub fn accept(&self) -> Result<(TcpStream, SocketAddr)> {
        let (stream, from) = self.0.attempt(IN, net::TcpListener::accept)?;
        Ok((TcpStream::from_std(stream)?, from))
    }

    /// Connection after connection.
    pub fn incoming(&self) -> impl Iterator<Item = Result<TcpStream>> {
        std::iter::repeat_with(|| self.accept().map(|(stream, _)| stream))
    }

    /// The address.
    ///
    /// # Errors
    /// As std's.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// Another handle to the same listener.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn try_clone(&self) -> Result<TcpListener> {
        TcpListener::from_std(self.0.get().try_clone()?)
    }
}
