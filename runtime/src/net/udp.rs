//! UDP.

use super::io::{IN, Io, OUT};
use super::resolve::{ToSocketAddrs, each};
use super::tcp::{limits, socket};
use std::io::{Error, ErrorKind, Result};
use std::net::{self, SocketAddr};

/// As [`std::net::UdpSocket`].
///
/// ```
/// use patchall::net::UdpSocket;
/// let (a, b) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
/// let to = b.local_addr()?;
/// patchall::spawn(move || a.send_to(b"hello", to));
/// let mut room = [0; 16];
/// let (n, _) = b.recv_from(&mut room)?;
/// assert_eq!(&room[..n], b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket(Io<net::UdpSocket>);

socket!(UdpSocket, net::UdpSocket);
limits!(UdpSocket);

impl UdpSocket {
    /// A socket at the first of the addresses that can be had.
    ///
    /// # Errors
    /// As [`std::net::UdpSocket::bind`].
    pub fn bind(at: impl ToSocketAddrs) -> Result<UdpSocket> {
        each(at, |a| UdpSocket::from_std(net::UdpSocket::bind(a)?))
    }

    /// Sets where [`UdpSocket::send`] sends, and whom [`UdpSocket::recv`] hears.
    ///
    /// # Errors
    /// As [`std::net::UdpSocket::connect`].
    pub fn connect(&self, to: impl ToSocketAddrs) -> Result<()> {
        each(to, |a| self.0.get().connect(a))
    }

    /// Sends a datagram.
    ///
    /// # Errors
    /// As [`std::net::UdpSocket::send_to`].
    pub fn send_to(&self, from: &[u8], to: impl ToSocketAddrs) -> Result<usize> {
        let to = to.addresses()?.into_iter().next().ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        self.0.attempt(OUT, |s| s.send_to(from, to))
    }

    /// Waits for a datagram, and says from where it came.
    ///
    /// # Errors
    /// As [`std::net::UdpSocket::recv_from`].
    pub fn recv_from(&self, to: &mut [u8]) -> Result<(usize, SocketAddr)> {
        self.0.attempt(IN, |s| s.recv_from(to))
    }

    /// Sends a datagram where the socket is connected to.
    ///
    /// # Errors
    /// As [`std::net::UdpSocket::send`].
    pub fn send(&self, from: &[u8]) -> Result<usize> {
        self.0.attempt(OUT, |s| s.send(from))
    }

    /// Waits for a datagram.
    ///
    /// # Errors
    /// As [`std::net::UdpSocket::recv`].
    pub fn recv(&self, to: &mut [u8]) -> Result<usize> {
        self.0.attempt(IN, |s| s.recv(to))
    }

    /// The address.
    ///
    /// # Errors
    /// As std's.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.0.get().local_addr()
    }
}
