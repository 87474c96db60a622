//! A coroutine for each connection.

use super::{TcpListener, TcpStream, ToSocketAddrs};
use crate::sync::{Event, Pool};
use crate::task::{JoinHandle, sleep, spawn};
use std::cell::RefCell;
use std::fmt;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// How long to wait when no connection can be taken for want of descriptors or memory, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

type Handler = Rc<dyn Fn(TcpStream, SocketAddr)>;

/// Accepts connections and calls a handler for each, in a coroutine of its own. Clones mean the same server. (gevent:
/// `StreamServer`.)
///
/// ```
/// use patchall::{StreamServer, net::TcpStream};
/// use std::io::{Read, Write};
/// let server = StreamServer::bind("127.0.0.1:0", |mut connection: TcpStream, _from| {
///     let mut room = [0; 1024];
///     while let Ok(n @ 1..) = connection.read(&mut room) {
///         if connection.write_all(&room[..n].to_ascii_uppercase()).is_err() { break }
///     }
/// })?;
/// server.start();
/// let mut client = TcpStream::connect(server.local_addr()?)?;
/// client.write_all(b"hello")?;
/// let mut answer = [0; 5];
/// client.read_exact(&mut answer)?;
/// assert_eq!(&answer, b"HELLO");
/// server.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// When the process runs out of descriptors, the server waits a little, longer each time, and goes on; those who connect
/// meanwhile wait in the listener's queue. A handler's panic ends its own connection.
#[derive(Clone)]
pub struct StreamServer(Rc<Inner>);

struct Inner {
    listener: TcpListener,
    handler: Handler,
    pool: Option<Pool>,
    acceptor: RefCell<Option<JoinHandle<()>>>,
    stopped: Event,
}

impl StreamServer {
    /// A server that listens at an address.
    ///
    /// # Errors
    /// As [`TcpListener::bind`].
    pub fn bind(at: impl ToSocketAddrs, handler: impl Fn(TcpStream, SocketAddr) + 'static) -> Result<StreamServer> {
        Ok(StreamServer::new(TcpListener::bind(at)?, handler))
    }

    /// A server on a listener.
    pub fn new(listener: TcpListener, handler: impl Fn(TcpStream, SocketAddr) + 'static) -> StreamServer {
        StreamServer::with(listener, Rc::new(handler), None)
    }

    fn with(listener: TcpListener, handler: Handler, pool: Option<Pool>) -> StreamServer {
        let (acceptor, stopped) = (RefCell::new(None), Event::new());
        StreamServer(Rc::new(Inner { listener, handler, pool, acceptor, stopped }))
    }

    /// The same, with its handlers in a pool: when that is full, nothing is accepted. To be called before the server starts.
    ///
    /// # Panics
    /// When there is a clone of it.
    #[must_use]
    pub fn pool(self, pool: Pool) -> StreamServer {
        match Rc::try_unwrap(self.0) {
            Ok(inner) => StreamServer::with(inner.listener, inner.handler, Some(pool)),
            Err(_) => panic!("a server that others have is given a pool"),
        }
    }

    /// The address it listens at.
    ///
    /// # Errors
    /// As [`TcpListener::local_addr`].
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.0.listener.local_addr()
    }

    /// Starts to accept, in a coroutine. Nothing happens if it does so already.
    pub fn start(&self) {
        let mut acceptor = self.0.acceptor.borrow_mut();
        if acceptor.as_ref().is_none_or(JoinHandle::is_finished) {
            self.0.stopped.clear();
            let server = self.0.clone();
            *acceptor = Some(spawn(move || server.accept()));
        }
    }

    /// Starts to accept, and waits until somebody calls [`StreamServer::stop`].
    pub fn serve_forever(&self) {
        self.start();
        self.0.stopped.wait();
    }

    /// Accepts nothing more. Connections that are open go on; the listener stays, so that the server may start again.
    pub fn stop(&self) {
        let acceptor = self.0.acceptor.borrow_mut().take();
        if let Some(acceptor) = acceptor {
            acceptor.kill();
        }
        self.0.stopped.set();
    }
}

impl Inner {
    fn accept(self: Rc<Self>) {
        let mut pause = BACK_OFF.0;
        loop {
            match self.listener.accept() {
                Ok((stream, from)) => {
                    pause = BACK_OFF.0;
                    let handler = self.handler.clone();
                    let serve = move || handler(stream, from);
                    match &self.pool {
                        Some(pool) => drop(pool.spawn(serve)),
                        None => drop(spawn(serve)),
                    }
                }
                Err(e) if is_scarce(&e) => {
                    sleep(pause);
                    pause = (pause * 2).min(BACK_OFF.1);
                }
                // One that went away before it was taken.
                Err(_) => {}
            }
        }
    }
}

/// Whether an error is the machine's, not the connection's (accept(2)).
fn is_scarce(e: &Error) -> bool {
    matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

impl fmt::Debug for StreamServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamServer({:?})", self.0.listener)
    }
}
