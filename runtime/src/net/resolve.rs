//! Names to addresses.

use crate::sync::blocking;
use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// The addresses of a host, by the resolver of libc, while other coroutines run: a helper thread asks it.
///
/// ```
/// let addresses = patchall::resolve("127.0.0.1", 80)?;
/// assert_eq!(addresses[0].to_string(), "127.0.0.1:80");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// There is no such host, or the resolver cannot be asked.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let literal = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = literal.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let host = host.to_owned();
    blocking(move || Ok(std::net::ToSocketAddrs::to_socket_addrs(&(&host[..], port))?.collect()))
}

/// What can be an address; names are resolved by [`resolve`]. As [`std::net::ToSocketAddrs`].
pub trait ToSocketAddrs {
    /// The addresses.
    ///
    /// # Errors
    /// As [`resolve`]; or it is not an address.
    fn addresses(&self) -> Result<Vec<SocketAddr>>;
}

impl ToSocketAddrs for str {
    fn addresses(&self) -> Result<Vec<SocketAddr>> {
        if let Ok(address) = self.parse() {
            return Ok(vec![address]);
        }
        let invalid = || Error::new(ErrorKind::InvalidInput, "not of the form host:port");
        let (host, port) = self.rsplit_once(':').ok_or_else(invalid)?;
        resolve(host, port.parse().map_err(|_| invalid())?)
    }
}

impl ToSocketAddrs for String {
    fn addresses(&self) -> Result<Vec<SocketAddr>> {
        self.as_str().addresses()
    }
}

impl ToSocketAddrs for (&str, u16) {
    fn addresses(&self) -> Result<Vec<SocketAddr>> {
        resolve(self.0, self.1)
    }
}

impl ToSocketAddrs for (String, u16) {
    fn addresses(&self) -> Result<Vec<SocketAddr>> {
        resolve(&self.0, self.1)
    }
}

impl ToSocketAddrs for [SocketAddr] {
    fn addresses(&self) -> Result<Vec<SocketAddr>> {
        Ok(self.to_vec())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn addresses(&self) -> Result<Vec<SocketAddr>> {
        (**self).addresses()
    }
}

macro_rules! one {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {
            fn addresses(&self) -> Result<Vec<SocketAddr>> {
                Ok(vec![(*self).into()])
            }
        }
    )*};
}
one!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

/// Tries one address after the other, as std does.
pub(super) fn each<T>(addresses: impl ToSocketAddrs, f: impl Fn(&SocketAddr) -> Result<T>) -> Result<T> {
    let mut last = Error::new(ErrorKind::InvalidInput, "no address");
    for address in addresses.addresses()? {
        match f(&address) {
            Ok(done) => return Ok(done),
            Err(e) => last = e,
        }
    }
    Err(last)
}
