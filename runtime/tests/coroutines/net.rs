//! Sockets, servers, names, futures, the monitor.

use super::{LONG, MOMENT};
use patchall::net::*;
use patchall::sync::Pool;
use patchall::{Timeout, block_on, join_all, resolve, sleep, spawn, wait_readable};
use std::io::{ErrorKind, Read, Write};
use std::rc::Rc;
use std::time::Duration;

fn echo(mut connection: TcpStream, _: SocketAddr) {
    let mut room = [0; 64];
    while let Ok(n @ 1..) = connection.read(&mut room) {
        connection.write_all(&room[..n]).unwrap();
    }
}

fn talk(to: SocketAddr, rounds: usize) {
    let mut stream = TcpStream::connect(to).unwrap();
    for i in 0..rounds {
        let text = format!("message {i:05}");
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, text.as_bytes());
    }
}

#[test]
fn a_server_and_a_hundred_clients() {
    let server = StreamServer::bind("127.0.0.1:0", echo).unwrap();
    server.start();
    let to = server.local_addr().unwrap();
    let all = join_all((0..100).map(|_| spawn(move || talk(to, 20))));
    assert!(all.into_iter().all(|r| r.is_ok()));
    server.stop();
    // It may start again.
    server.start();
    talk(to, 1);
    server.stop();
}

#[test]
fn a_server_with_a_pool_serves_so_many_at_a_time() {
    let now = Rc::new(std::cell::Cell::new((0, 0)));
    let count = now.clone();
    let handler = move |connection: TcpStream, from| {
        let (n, most) = count.get();
        count.set((n + 1, most.max(n + 1)));
        echo(connection, from);
        count.set((count.get().0 - 1, count.get().1));
    };
    let server = StreamServer::bind("127.0.0.1:0", handler).unwrap().pool(Pool::new(3));
    let forever = spawn({
        let server = server.clone();
        move || server.serve_forever()
    });
    let to = server.local_addr().unwrap();
    join_all((0..12).map(|_| spawn(move || talk(to, 3))));
    server.stop();
    forever.join().unwrap();
    assert_eq!(now.get().1, 3);
}

#[test]
fn the_end_of_a_connection_that_comes_with_the_last_bytes() {
    for _ in 0..200 {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        a.write_all(b"last").unwrap();
        drop(a);
        let mut text = String::new();
        let read = Timeout::after(Duration::from_secs(20), || b.read_to_string(&mut text));
        assert_eq!(read.expect("no end came").unwrap(), 4);
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    for _ in 0..100 {
        let mut a = TcpStream::connect(to).unwrap();
        let (mut b, _) = listener.accept().unwrap();
        let reader = spawn(move || {
            let mut text = String::new();
            b.read_to_string(&mut text).map(|_| text)
        });
        sleep(Duration::from_micros(50));
        a.write_all(b"last").unwrap();
        drop(a);
        assert_eq!(reader.join().unwrap().unwrap(), "last");
    }
}

#[test]
fn large_transfers_wait_in_both_directions() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let sender = spawn(move || {
        let data = vec![7u8; 8 << 20];
        TcpStream::connect(to).unwrap().write_all(&data).unwrap();
    });
    let (mut stream, _) = listener.accept().unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 8 << 20);
    sender.join().unwrap();
}

#[test]
fn limits_errors_and_kills() {
    let (mut a, _b) = UnixStream::pair().unwrap();
    a.set_read_timeout(Some(MOMENT)).unwrap();
    assert_eq!(a.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(a.set_read_timeout(Some(Duration::ZERO)).is_err());
    a.set_read_timeout(None).unwrap();
    assert!(Timeout::after(MOMENT, || a.read(&mut [0; 4])).is_err());
    let reader = spawn(move || a.read(&mut [0; 4]).is_ok());
    sleep(MOMENT);
    reader.kill();
    assert!(reader.join().is_err());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(TcpStream::connect(free).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(TcpStream::connect("no port").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_socket_goes_to_std_and_to_another_thread() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let client = spawn(move || {
        let mut s = TcpStream::connect(to).unwrap();
        sleep(MOMENT);
        s.write_all(b"x").unwrap();
    });
    let std = listener.accept().unwrap().0.into_std().unwrap();
    let read = patchall::blocking(move || {
        let mut byte = [0];
        (&std).read(&mut byte).map(|n| (n, byte[0]))
    });
    assert_eq!(read.unwrap(), (1, b'x'));
    client.join().unwrap();
}

#[test]
fn two_wait_for_one_descriptor() {
    let (read, mut write) = std::io::pipe().unwrap();
    let read = Rc::new(read);
    let wait = || {
        let read = read.clone();
        spawn(move || wait_readable(&*read, LONG).unwrap())
    };
    let (a, b) = (wait(), wait());
    sleep(MOMENT);
    write.write_all(b"x").unwrap();
    assert!(a.join().unwrap() && b.join().unwrap());
    assert!(patchall::wait_writable(&write, LONG).unwrap());
}

#[test]
fn children_are_waited_for_without_a_patch() {
    let nap = || {
        spawn(|| {
            let mut child = std::process::Command::new("sleep").arg("0.2").spawn().unwrap();
            patchall::process::wait(&mut child).unwrap().success()
        })
    };
    let begin = std::time::Instant::now();
    assert!(join_all((0..5).map(|_| nap())).into_iter().all(|r| r.unwrap()));
    assert!(begin.elapsed() < Duration::from_millis(900), "one after the other would be a second");
}

#[test]
fn names() {
    let here = resolve("localhost", 7).unwrap();
    assert!(here.iter().any(|a| a.ip().is_loopback() && a.port() == 7), "{here:?}");
    assert_eq!(resolve("[::1]", 1).unwrap()[0].to_string(), "[::1]:1");
    let ticks = spawn(|| sleep(LONG));
    assert!(resolve("no.such.host.invalid", 1).is_err());
    ticks.kill();
}

#[test]
fn futures_both_ways() {
    async fn twice(c: patchall::JoinHandle<u32>) -> u32 {
        c.await.unwrap() * 2
    }
    let slow = spawn(|| {
        sleep(MOMENT);
        21
    });
    assert_eq!(block_on(twice(slow)), 42);
    let inside = spawn(|| block_on(async { twice(spawn(|| 1)).await + twice(spawn(|| 2)).await }));
    assert_eq!(inside.join().unwrap(), 6);
    // Woken by another thread.
    struct Later(Option<std::thread::JoinHandle<()>>);
    impl Future for Later {
        type Output = ();
        fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<()> {
            if let Some(thread) = self.0.take() {
                thread.join().unwrap();
                return std::task::Poll::Ready(());
            }
            let waker = context.waker().clone();
            self.0 = Some(std::thread::spawn(move || {
                std::thread::sleep(MOMENT);
                waker.wake();
            }));
            std::task::Poll::Pending
        }
    }
    block_on(Later(None));
}

#[test]
fn what_runs_is_told_as_a_tree() {
    let outer = patchall::Builder::new().name("outer").spawn(|| {
        let inner = patchall::Builder::new().name("inner").spawn(|| sleep(LONG)).unwrap();
        let _ = inner.join_timeout(LONG);
    });
    let outer = outer.unwrap();
    sleep(MOMENT);
    let info = patchall::debug::run_info().to_string();
    let lines: Vec<_> = info.lines().collect();
    assert_eq!(lines.len(), 3, "{info}");
    assert!(lines[0].starts_with("<thread> runs or is ready"), "{info}");
    assert!(lines[1].contains("\"outer\"> waits for the end of coroutine"), "{info}");
    assert!(
        lines[2].starts_with("    <coroutine ") && lines[2].contains("\"inner\"> waits for its sleep to end"),
        "{info}"
    );
    assert!(lines[2].contains("net.rs:"), "{info}");
    outer.kill();
    let stats = patchall::debug::stats();
    assert!(stats.spawned >= 2 && stats.live >= 1 && stats.switches >= 2);
}

#[test]
fn accept_that_runs_out_of_descriptors_backs_off_and_goes_on() {
    const NAME: &str = "net::accept_that_runs_out_of_descriptors_backs_off_and_goes_on";
    if std::env::var_os("SCARCE").is_none() {
        let me = std::process::Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture"])
            .env("SCARCE", "1")
            .status();
        assert!(me.unwrap().success());
        return;
    }
    let server = StreamServer::bind("127.0.0.1:0", echo).unwrap();
    server.start();
    let to = server.local_addr().unwrap();
    talk(to, 1);
    // It has connected, and its connection cannot be accepted.
    let mut early = std::net::TcpStream::connect(to).unwrap();
    limit_descriptors(Some(3));
    sleep(Duration::from_millis(30));
    assert!(std::fs::File::open("/dev/null").is_err());
    limit_descriptors(None);
    early.write_all(b"x").unwrap();
    early.set_nonblocking(true).unwrap();
    assert!(wait_readable(&early, Duration::from_secs(20)).unwrap(), "the server does not go on");
    talk(to, 1);
}

/// The soft limit; none is the hard one.
fn limit_descriptors(most: Option<u64>) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a limit of this process's own.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = most.unwrap_or(limit.rlim_max);
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
}
