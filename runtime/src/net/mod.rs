//! Sockets whose calls yield, with std's names: for programs that do not patch.
//!
//! ```
//! use patchall::net::{TcpListener, TcpStream};
//! use std::io::{Read, Write};
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let server = patchall::spawn(move || {
//!     let (mut connection, _) = listener.accept()?;
//!     connection.write_all(b"hello")
//! });
//! let mut text = String::new();
//! TcpStream::connect(address)?.read_to_string(&mut text)?;
//! assert_eq!(text, "hello");
//! server.join().unwrap()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The descriptors are non-blocking, and registered with the scheduler of the thread that made them, so they stay in it:
//!
//! ```compile_fail
//! let s = patchall::net::TcpStream::connect("127.0.0.1:1").unwrap();
//! std::thread::spawn(move || drop(s));
//! ```
//!
//! `into_std` and `from_std` take a socket to another thread, or to code that wants std's type.
//!
//! | file | |
//! |---|---|
//! | `io` | try, wait, try again |
//! | `tcp`, `udp`, `unix` | the sockets |
//! | `resolve` | names to addresses |
//! | `server` | a coroutine for each connection |

mod io;
mod resolve;
mod server;
mod tcp;
mod udp;
mod unix;

pub use io::{wait_readable, wait_writable};
pub use resolve::{ToSocketAddrs, resolve};
pub use server::StreamServer;
pub use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixListener, UnixStream};
