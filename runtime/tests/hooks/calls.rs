//! One test per hooked symbol.

use crate::support::*;
use std::ffi::c_void;
use std::mem::{size_of, zeroed};
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

unsafe extern "C" {
    fn __nanosleep(t: *const libc::timespec, left: *mut libc::timespec) -> i32;
    fn thrd_sleep(t: *const libc::timespec, left: *mut libc::timespec) -> i32;
    fn __sched_yield() -> i32;
    fn thrd_yield();
    fn __read(fd: i32, to: *mut c_void, n: usize) -> isize;
    fn __read_chk(fd: i32, to: *mut c_void, n: usize, room: usize) -> isize;
    fn __write(fd: i32, from: *const c_void, n: usize) -> isize;
    fn __recv_chk(fd: i32, to: *mut c_void, n: usize, room: usize, flags: i32) -> isize;
    fn __recvfrom_chk(
        fd: i32,
        to: *mut c_void,
        n: usize,
        room: usize,
        flags: i32,
        a: *mut libc::sockaddr,
        l: *mut u32,
    ) -> isize;
    fn __send(fd: i32, from: *const c_void, n: usize, flags: i32) -> isize;
    fn __connect(fd: i32, to: *const libc::sockaddr, len: u32) -> i32;
    fn __poll(fds: *mut libc::pollfd, n: u64, ms: i32) -> i32;
    fn __poll_chk(fds: *mut libc::pollfd, n: u64, ms: i32, room: usize) -> i32;
    fn __ppoll_chk(
        fds: *mut libc::pollfd,
        n: u64,
        t: *const libc::timespec,
        m: *const libc::sigset_t,
        room: usize,
    ) -> i32;
    fn __select(n: i32, r: *mut libc::fd_set, w: *mut libc::fd_set, e: *mut libc::fd_set, t: *mut libc::timeval)
    -> i32;
    fn epoll_pwait2(
        fd: i32,
        e: *mut libc::epoll_event,
        n: i32,
        t: *const libc::timespec,
        m: *const libc::sigset_t,
    ) -> i32;
    fn __wait(status: *mut i32) -> i32;
    fn wait3(status: *mut i32, options: i32, usage: *mut libc::rusage) -> i32;
    fn __waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
}

/// `unsafe`, for calls with arguments that are right.
macro_rules! c {
    ($call:expr) => {{
        // SAFETY: descriptors, and pointers to what the call's manual page asks for.
        #[allow(unused_unsafe)]
        unsafe {
            $call
        }
    }};
}

fn close(fds: &[i32]) {
    for fd in fds {
        assert_eq!(c!(libc::close(*fd)), 0);
    }
}

macro_rules! table {
    ($($name:ident: $test:expr;)*) => {
        pub(crate) const TESTS: &[(&str, fn())] = &[$((stringify!($name), $test)),*];
    };
}

/// A sleep: it lasts, and another coroutine runs meanwhile, several times.
fn sleeps(least: Duration, call: impl Fn() -> i64 + 'static) {
    let begin = Instant::now();
    assert_eq!(succeeds(call, || (0..5).for_each(|_| patchall::yield_now())), 0);
    assert!(begin.elapsed() >= least);
}

/// A yield: the other coroutine has its turn before the call returns.
fn yields(call: impl Fn() + 'static) {
    succeeds(call, || {});
}

/// A read of 5 bytes that another coroutine writes.
fn reads(ends: (i32, i32), call: impl Fn(i32, *mut c_void) -> isize + 'static) {
    let (r, w) = ends;
    let take = move || {
        let mut room = [0u8; 16];
        let n = call(r, room.as_mut_ptr().cast());
        (n, room)
    };
    let (n, room) = succeeds(take, move || put(w, b"hello"));
    assert_eq!((n, &room[..5]), (5, &b"hello"[..]), "a short count is returned as it is");
    close(&[w, r]);
}

/// A write into a full pipe or socket, which another coroutine empties.
fn writes(ends: (i32, i32), call: impl Fn(i32, &[u8]) -> isize + 'static) {
    let (r, w) = ends;
    let full = fill(w);
    // More than the emptied one takes at once: a write to a blocking descriptor is complete all the same.
    let size = (3 * full).max(2 << 20);
    let data: Vec<u8> = (0..size).map(|i| i as u8).collect();
    let expected = data.clone();
    let give = move || call(w, &data);
    let n = succeeds(give, move || {
        drain(r, full);
        let mut got = vec![0u8; size];
        let mut have = 0;
        while have < size {
            let n = c!(libc::read(r, got[have..].as_mut_ptr().cast(), size - have));
            assert!(n > 0);
            have += n as usize;
        }
        assert!(got == expected, "all of it, in order");
    });
    assert_eq!(n, size as isize);
    close(&[w, r]);
}

fn part(to: *const c_void, n: usize) -> libc::iovec {
    libc::iovec { iov_base: to.cast_mut(), iov_len: n }
}

fn message(part: &mut libc::iovec) -> libc::msghdr {
    let mut m: libc::msghdr = c!(zeroed());
    m.msg_iov = part;
    m.msg_iovlen = 1;
    m
}

/// A listening socket of the loopback, and its address.
fn listener() -> (i32, libc::sockaddr_in) {
    c!({
        let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
        let mut a: libc::sockaddr_in = zeroed();
        a.sin_family = libc::AF_INET as u16;
        a.sin_addr.s_addr = u32::to_be(0x7f00_0001);
        let mut len = size_of::<libc::sockaddr_in>() as u32;
        assert_eq!(libc::bind(fd, (&raw const a).cast(), len), 0);
        assert_eq!(libc::listen(fd, 1), 0);
        assert_eq!(libc::getsockname(fd, (&raw mut a).cast(), &raw mut len), 0);
        (fd, a)
    })
}

fn accepts(call: impl Fn(i32, *mut libc::sockaddr, *mut u32) -> i32 + 'static) {
    let (fd, address) = listener();
    let take = move || {
        let mut from: libc::sockaddr_in = c!(zeroed());
        let mut len = size_of::<libc::sockaddr_in>() as u32;
        let new = call(fd, (&raw mut from).cast(), &raw mut len);
        (new, from, len)
    };
    let client = c!(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0));
    let (new, from, len) = succeeds(take, move || {
        let r = c!(libc::connect(client, (&raw const address).cast(), size_of::<libc::sockaddr_in>() as u32));
        assert_eq!(r, 0);
    });
    assert!(new >= 0);
    let mut mine: libc::sockaddr_in = c!(zeroed());
    let mut mine_len = len;
    c!(libc::getsockname(client, (&raw mut mine).cast(), &raw mut mine_len));
    assert_eq!((from.sin_port, len), (mine.sin_port, mine_len), "the address of the client");
    close(&[fd, client, new]);
}

/// A connect that waits: the listener's queue is full until the other coroutine accepts.
fn connects(call: impl Fn(i32, *const libc::sockaddr, u32) -> i32 + 'static) {
    c!({
        let server = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0);
        let mut a: libc::sockaddr_un = zeroed();
        a.sun_family = libc::AF_UNIX as u16;
        // An abstract name of the kernel's choice (unix(7), autobind).
        let mut len = size_of::<libc::sa_family_t>() as u32;
        assert_eq!(libc::bind(server, (&raw const a).cast(), len), 0);
        assert_eq!(libc::listen(server, 0), 0);
        len = size_of::<libc::sockaddr_un>() as u32;
        assert_eq!(libc::getsockname(server, (&raw mut a).cast(), &raw mut len), 0);
        let first = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0);
        assert_eq!(libc::connect(first, (&raw const a).cast(), len), 0);
        let second = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0);
        let r = succeeds(
            move || call(second, (&raw const a).cast(), len),
            move || {
                let one = libc::accept(server, null_mut(), null_mut());
                assert!(one >= 0);
            },
        );
        assert_eq!(r, 0);
        assert_eq!(libc::fcntl(second, libc::F_GETFL) & libc::O_NONBLOCK, 0);
        close(&[server, first, second]);
    })
}

/// A wait for readiness: `call` gets the descriptor, says 1, and that it is readable.
fn polls(call: impl Fn(i32) -> (i32, bool) + 'static) {
    let (r, w) = pipe();
    assert_eq!(succeeds(move || call(r), move || put(w, b"x")), (1, true));
    close(&[w, r]);
}

fn poll_with(fd: i32, call: impl Fn(*mut libc::pollfd, u64) -> i32) -> (i32, bool) {
    let mut fds = [
        libc::pollfd { fd: -1, events: libc::POLLIN, revents: 0 },
        libc::pollfd { fd, events: libc::POLLIN, revents: 0 },
    ];
    let n = call(fds.as_mut_ptr(), 2);
    (n, fds[1].revents == libc::POLLIN && fds[0].revents == 0)
}

fn select_with(fd: i32, mut call: impl FnMut(i32, *mut libc::fd_set) -> i32) -> (i32, bool) {
    c!({
        let mut set: libc::fd_set = zeroed();
        libc::FD_SET(fd, &raw mut set);
        let n = call(fd + 1, &raw mut set);
        (n, libc::FD_ISSET(fd, &raw const set))
    })
}

fn epoll_with(fd: i32, call: impl Fn(i32, *mut libc::epoll_event) -> i32) -> (i32, bool) {
    c!({
        let epoll = libc::epoll_create1(0);
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 4711 };
        assert_eq!(libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event), 0);
        let mut events: [libc::epoll_event; 4] = zeroed();
        let n = call(epoll, events.as_mut_ptr());
        libc::close(epoll);
        (n, { events[0].u64 } == 4711)
    })
}

/// A wait for a child that ends when the other coroutine writes to it.
fn waits(call: impl Fn(i32) -> (i32, i32) + 'static) {
    let (r, w) = pipe();
    let pid = c!(libc::fork());
    if pid == 0 {
        let mut byte = 0u8;
        c!({
            libc::close(w);
            libc::read(r, (&raw mut byte).cast(), 1);
            libc::_exit(7)
        });
    }
    let (who, status) = succeeds(move || call(pid), move || put(w, b"x"));
    assert_eq!((who, libc::WEXITSTATUS(status)), (pid, 7));
    close(&[w, r]);
}

fn status_of(call: impl Fn(*mut i32) -> i32) -> (i32, i32) {
    let mut status = 0;
    let r = call(&raw mut status);
    (r, status)
}

const MS: Duration = Duration::from_millis(1);
const HALF_MS: Duration = Duration::from_micros(500);

table! {
    sleep: || sleeps(Duration::from_secs(1), || c!(libc::sleep(1)).into());
    usleep: || sleeps(MS, || c!(libc::usleep(1000)).into());
    nanosleep: || sleeps(HALF_MS, || c!(libc::nanosleep(&moment(), null_mut())).into());
    __nanosleep: || sleeps(HALF_MS, || c!(__nanosleep(&moment(), null_mut())).into());
    clock_nanosleep: || {
        sleeps(HALF_MS, || c!(libc::clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &moment(), null_mut())).into());
        for clock in [libc::CLOCK_MONOTONIC, libc::CLOCK_REALTIME, libc::CLOCK_BOOTTIME] {
            sleeps(MS, move || {
                let mut t: libc::timespec = c!(zeroed());
                c!(libc::clock_gettime(clock, &raw mut t));
                t.tv_nsec += 2_000_000;
                if t.tv_nsec >= 1_000_000_000 {
                    t = libc::timespec { tv_sec: t.tv_sec + 1, tv_nsec: t.tv_nsec - 1_000_000_000 };
                }
                c!(libc::clock_nanosleep(clock, libc::TIMER_ABSTIME, &t, null_mut())).into()
            });
        }
    };
    thrd_sleep: || sleeps(HALF_MS, || c!(thrd_sleep(&moment(), null_mut())).into());
    sched_yield: || yields(|| assert_eq!(c!(libc::sched_yield()), 0));
    __sched_yield: || yields(|| assert_eq!(c!(__sched_yield()), 0));
    thrd_yield: || yields(|| c!(thrd_yield()));
    read: || {
        reads(pipe(), |fd, to| c!(libc::read(fd, to, 16)));
        reads(sockets(libc::SOCK_STREAM), |fd, to| c!(libc::read(fd, to, 16)));
        reads(sockets(libc::SOCK_SEQPACKET), |fd, to| c!(libc::read(fd, to, 16)));
    };
    __read: || reads(pipe(), |fd, to| c!(__read(fd, to, 16)));
    __read_chk: || reads(pipe(), |fd, to| c!(__read_chk(fd, to, 16, 16)));
    readv: || reads(pipe(), |fd, to| c!(libc::readv(fd, [part(to, 2), part(to.add(2), 14)].as_ptr(), 2)));
    write: || {
        writes(pipe(), |fd, data| c!(libc::write(fd, data.as_ptr().cast(), data.len())));
        writes(sockets(libc::SOCK_STREAM), |fd, data| c!(libc::write(fd, data.as_ptr().cast(), data.len())));
    };
    __write: || writes(pipe(), |fd, data| c!(__write(fd, data.as_ptr().cast(), data.len())));
    writev: || writes(pipe(), |fd, data| {
        let (a, b) = data.split_at(data.len() / 3);
        c!(libc::writev(fd, [part(a.as_ptr().cast(), a.len()), part(b.as_ptr().cast(), b.len())].as_ptr(), 2))
    });
    recv: || {
        reads(sockets(libc::SOCK_STREAM), |fd, to| c!(libc::recv(fd, to, 16, 0)));
        reads(sockets(libc::SOCK_DGRAM), |fd, to| c!(libc::recv(fd, to, 16, 0)));
    };
    __recv_chk: || reads(sockets(libc::SOCK_STREAM), |fd, to| c!(__recv_chk(fd, to, 16, 16, 0)));
    recvfrom: || reads(sockets(libc::SOCK_DGRAM), |fd, to| c!(libc::recvfrom(fd, to, 16, 0, null_mut(), null_mut())));
    __recvfrom_chk: || reads(sockets(libc::SOCK_DGRAM), |fd, to| c!(__recvfrom_chk(fd, to, 16, 16, 0, null_mut(), null_mut())));
    recvmsg: || reads(sockets(libc::SOCK_STREAM), |fd, to| c!(libc::recvmsg(fd, &mut message(&mut part(to, 16)), 0)));
    send: || writes(sockets(libc::SOCK_STREAM), |fd, d| c!(libc::send(fd, d.as_ptr().cast(), d.len(), 0)));
    __send: || writes(sockets(libc::SOCK_STREAM), |fd, d| c!(__send(fd, d.as_ptr().cast(), d.len(), 0)));
    sendto: || writes(sockets(libc::SOCK_STREAM), |fd, d| c!(libc::sendto(fd, d.as_ptr().cast(), d.len(), 0, null(), 0)));
    sendmsg: || writes(sockets(libc::SOCK_STREAM), |fd, d| c!(libc::sendmsg(fd, &message(&mut part(d.as_ptr().cast(), d.len())), 0)));
    connect: || connects(|fd, a, n| c!(libc::connect(fd, a, n)));
    __connect: || connects(|fd, a, n| c!(__connect(fd, a, n)));
    accept: || accepts(|fd, a, n| c!(libc::accept(fd, a, n)));
    accept4: || accepts(|fd, a, n| {
        let new = c!(libc::accept4(fd, a, n, libc::SOCK_NONBLOCK));
        assert_ne!(c!(libc::fcntl(new, libc::F_GETFL)) & libc::O_NONBLOCK, 0);
        new
    });
    poll: || {
        polls(|fd| poll_with(fd, |p, n| c!(libc::poll(p, n, -1))));
        sleeps(2 * MS, || c!(libc::poll(null_mut(), 0, 2)).into());
    };
    __poll: || polls(|fd| poll_with(fd, |p, n| c!(__poll(p, n, 60_000))));
    __poll_chk: || polls(|fd| poll_with(fd, |p, n| c!(__poll_chk(p, n, -1, 16))));
    ppoll: || polls(|fd| poll_with(fd, |p, n| c!(libc::ppoll(p, n, null(), null()))));
    __ppoll_chk: || polls(|fd| poll_with(fd, |p, n| c!(__ppoll_chk(p, n, null(), null(), 16))));
    select: || {
        polls(|fd| select_with(fd, |n, r| c!(libc::select(n, r, null_mut(), null_mut(), null_mut()))));
        let (r, _) = pipe();
        sleeps(2 * MS, move || {
            let mut t = libc::timeval { tv_sec: 0, tv_usec: 2000 };
            let (n, set) = select_with(r, |n, r| c!(libc::select(n, r, null_mut(), null_mut(), &raw mut t)));
            assert_eq!((set, t.tv_sec, t.tv_usec), (false, 0, 0));
            n.into()
        });
    };
    __select: || polls(|fd| select_with(fd, |n, r| c!(__select(n, r, null_mut(), null_mut(), null_mut()))));
    pselect: || polls(|fd| select_with(fd, |n, r| c!(libc::pselect(n, r, null_mut(), null_mut(), null(), null()))));
    epoll_wait: || polls(|fd| epoll_with(fd, |e, out| c!(libc::epoll_wait(e, out, 4, -1))));
    epoll_pwait: || polls(|fd| epoll_with(fd, |e, out| c!(libc::epoll_pwait(e, out, 4, -1, null()))));
    epoll_pwait2: || polls(|fd| epoll_with(fd, |e, out| c!(epoll_pwait2(e, out, 4, null(), null()))));
    wait: || waits(|_| status_of(|s| c!(libc::wait(s))));
    __wait: || waits(|_| status_of(|s| c!(__wait(s))));
    wait3: || waits(|_| status_of(|s| c!(wait3(s, 0, null_mut()))));
    wait4: || waits(|pid| status_of(|s| c!(libc::wait4(pid, s, 0, null_mut()))));
    waitpid: || waits(|pid| status_of(|s| c!(libc::waitpid(pid, s, 0))));
    __waitpid: || waits(|_| status_of(|s| c!(__waitpid(-1, s, 0))));
    waitid: || waits(|pid| {
        let mut info: libc::siginfo_t = c!(zeroed());
        assert_eq!(c!(libc::waitid(libc::P_PID, pid as u32, &raw mut info, libc::WEXITED)), 0);
        c!((info.si_pid(), info.si_status() << 8))
    });
}
