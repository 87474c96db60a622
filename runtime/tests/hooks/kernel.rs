//! The kernel's contract beyond the plain case: flags, time-outs, signals, fork.

use crate::support::*;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_descriptor_that_is_nonblocking_stays_so", nonblocking),
    ("a_socket_with_a_time_out_gives_eagain", time_out),
    ("msg_waitall_waits_for_all", waitall),
    ("a_write_to_a_closed_pipe_gives_epipe", broken_pipe),
    ("end_of_file_ends_a_read", end_of_file),
    ("a_bad_descriptor_gives_ebadf", bad_descriptor),
    ("two_readers_of_one_pipe_both_get_something", two_readers),
    ("descriptor_flags_are_never_touched", flags_untouched),
    ("a_handler_ends_the_wait_of_the_thread", interrupted),
    ("a_handler_with_sa_restart_does_not", restarted),
    ("the_mask_of_ppoll_holds_while_it_waits", mask_of_ppoll),
    ("the_child_of_a_fork_has_its_own_waits", fork_inside),
    ("std_net_and_std_process_yield", std_yields),
];

fn errno_of(r: isize) -> i32 {
    assert_eq!(r, -1);
    errno()
}

fn read_byte(fd: i32) -> isize {
    let mut byte = 0u8;
    // SAFETY: room for a byte.
    unsafe { libc::read(fd, (&raw mut byte).cast(), 1) }
}

/// Runs `f` as a coroutine, so that the hooks are at work.
fn inside<T: 'static>(f: impl FnOnce() -> T + 'static) -> T {
    patchall::spawn(f).join().unwrap()
}

fn nonblocking() {
    inside(|| {
        let (r, _w) = pipe();
        // SAFETY: no pointers.
        unsafe { libc::fcntl(r, libc::F_SETFL, libc::O_NONBLOCK) };
        assert_eq!(errno_of(read_byte(r)), libc::EAGAIN);
        let (a, _b) = sockets(libc::SOCK_STREAM);
        let mut byte = 0u8;
        // SAFETY: room for a byte.
        assert_eq!(
            // SAFETY: room for a byte.
            errno_of(unsafe { libc::recv(a, (&raw mut byte).cast(), 1, libc::MSG_DONTWAIT) }),
            libc::EAGAIN
        );
    });
}

fn time_out() {
    let (a, _b) = sockets(libc::SOCK_STREAM);
    let t = libc::timeval { tv_sec: 0, tv_usec: 2000 };
    // SAFETY: a timeval.
    unsafe { libc::setsockopt(a, libc::SOL_SOCKET, libc::SO_RCVTIMEO, (&raw const t).cast(), size_of_val(&t) as u32) };
    assert_eq!(fails(move || read_byte(a), || {}), libc::EAGAIN);
}

fn waitall() {
    let (a, b) = sockets(libc::SOCK_STREAM);
    let call = move || {
        let mut room = [0u8; 6];
        // SAFETY: room for six.
        let n = unsafe { libc::recv(a, room.as_mut_ptr().cast(), 6, libc::MSG_WAITALL) };
        (n, room)
    };
    let (n, room) = succeeds(call, move || {
        put(b, b"abc");
        patchall::sleep(Duration::from_millis(1));
        put(b, b"defg");
    });
    assert_eq!((n, &room), (6, b"abcdef"));
}

fn broken_pipe() {
    let (r, w) = pipe();
    fill(w);
    let call = move || {
        // SAFETY: a readable byte. Rust programs ignore SIGPIPE.
        unsafe { libc::write(w, b"x".as_ptr().cast(), 1) }
    };
    // SAFETY: no pointers.
    assert_eq!(
        // SAFETY: no pointers.
        fails(call, move || assert_eq!(unsafe { libc::close(r) }, 0)),
        libc::EPIPE
    );
}

fn end_of_file() {
    let (r, w) = pipe();
    // SAFETY: no pointers.
    assert_eq!(
        succeeds(
            move || read_byte(r),
            // SAFETY: no pointers.
            move || assert_eq!(unsafe { libc::close(w) }, 0)
        ),
        0
    );
}

fn bad_descriptor() {
    inside(|| {
        assert_eq!(errno_of(read_byte(-1)), libc::EBADF);
        // SAFETY: bad arguments, which are refused.
        unsafe {
            assert_eq!(errno_of(libc::recv(9999, null_mut(), 0, 0)), libc::EBADF);
            assert_eq!(errno_of(libc::accept(9999, null_mut(), null_mut()) as isize), libc::EBADF);
            assert_eq!(errno_of(libc::wait(null_mut()) as isize), libc::ECHILD);
            let bad = libc::timespec { tv_sec: 0, tv_nsec: -1 };
            assert_eq!(errno_of(libc::nanosleep(&bad, null_mut()) as isize), libc::EINVAL);
            let mut p = libc::pollfd { fd: 9999, events: libc::POLLIN, revents: 0 };
            assert_eq!((libc::poll(&raw mut p, 1, -1), p.revents), (1, libc::POLLNVAL));
        }
    });
}

fn two_readers() {
    let (r, w) = pipe();
    let readers: Vec<_> = (0..2).map(|_| patchall::spawn(move || read_byte(r))).collect();
    patchall::spawn(move || {
        put(w, b"1");
        patchall::sleep(Duration::from_millis(1));
        put(w, b"2");
    });
    assert!(patchall::join_all(readers).into_iter().all(|r| r.unwrap() == 1));
}

fn flags_untouched() {
    let (a, b) = sockets(libc::SOCK_STREAM);
    let call = move || read_byte(a);
    succeeds(call, move || {
        // SAFETY: no pointers.
        unsafe {
            assert_eq!(libc::fcntl(a, libc::F_GETFL) & libc::O_NONBLOCK, 0);
            assert_eq!(libc::fcntl(b, libc::F_GETFL) & libc::O_NONBLOCK, 0);
        }
        put(b, b"x");
    });
}

extern "C" fn handler(_: libc::c_int) {}

fn install(signal: i32, flags: i32) {
    // SAFETY: a handler that does nothing.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = flags;
        libc::sigaction(signal, &raw const action, null_mut());
    }
}

/// Sends a signal to the calling thread from another one, again and again until told to end: one of them comes when the thread
/// sleeps.
struct Sender(Arc<AtomicBool>, std::thread::JoinHandle<()>);

impl Sender {
    fn new(signal: i32) -> Sender {
        // SAFETY: the thread ends the sender before it ends.
        let me = unsafe { libc::pthread_self() };
        let enough = Arc::new(AtomicBool::new(false));
        let theirs = enough.clone();
        let send = move || {
            while !theirs.load(SeqCst) {
                // SAFETY: as above.
                unsafe { libc::pthread_kill(me, signal) };
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        Sender(enough, std::thread::spawn(send))
    }

    fn end(self) {
        self.0.store(true, SeqCst);
        self.1.join().unwrap();
    }
}

fn interrupted() {
    install(libc::SIGUSR1, 0);
    let (r, w) = pipe();
    let other = patchall::spawn(move || read_byte(r));
    patchall::yield_now();
    let (r2, _w2) = pipe();
    let sender = Sender::new(libc::SIGUSR1);
    assert_eq!(errno_of(read_byte(r2)), libc::EINTR);
    let (long, mut left) = (libc::timespec { tv_sec: 100, tv_nsec: 0 }, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: two times.
    assert_eq!(
        // SAFETY: two times.
        errno_of(unsafe { libc::nanosleep(&long, &raw mut left) } as isize),
        libc::EINTR
    );
    assert!((90..100).contains(&left.tv_sec));
    sender.end();
    put(w, b"x");
    assert_eq!(other.join().unwrap(), 1, "the coroutine's wait went on");
    // SAFETY: the default action.
    unsafe { libc::signal(libc::SIGUSR1, libc::SIG_DFL) };
}

fn restarted() {
    // The alarm of the tests restarts, too: signal(3) of glibc asks for that.
    install(libc::SIGUSR1, libc::SA_RESTART);
    let (r, w) = pipe();
    let sender = Sender::new(libc::SIGUSR1);
    let other = patchall::spawn(move || {
        patchall::sleep(Duration::from_millis(20));
        sender.end();
        put(w, b"x");
    });
    assert_eq!(read_byte(r), 1);
    other.join().unwrap();
    // SAFETY: the default action.
    unsafe { libc::signal(libc::SIGUSR1, libc::SIG_DFL) };
}

fn mask_of_ppoll() {
    install(libc::SIGUSR2, 0);
    // SAFETY: sets of our own.
    let (mut blocked, mut open): (libc::sigset_t, libc::sigset_t) = unsafe { (zeroed(), zeroed()) };
    // SAFETY: as above; the signal stays pending until ppoll lets it in.
    unsafe {
        libc::sigemptyset(&raw mut blocked);
        libc::sigaddset(&raw mut blocked, libc::SIGUSR2);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const blocked, &raw mut open);
        libc::raise(libc::SIGUSR2);
    }
    // SAFETY: no descriptors, no time-out, a mask.
    let call = move || unsafe { libc::ppoll(null_mut(), 0, std::ptr::null(), &raw const open) } as isize;
    assert_eq!(fails(call, || {}), libc::EINTR);
    // SAFETY: as above.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const open, null_mut());
        libc::signal(libc::SIGUSR2, libc::SIG_DFL);
    }
}

fn fork_inside() {
    let (r, w) = pipe();
    let (gone, _keep) = pipe();
    let other = patchall::spawn(move || read_byte(gone));
    let child = patchall::spawn(move || {
        // SAFETY: the child uses this thread's coroutines and ends by _exit.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // Reads and writes of its own yield; the parent's other coroutine is not here.
            let ok = succeeds(move || read_byte(r), move || put(w, b"c")) == 1;
            // SAFETY: ends the child.
            unsafe { libc::_exit(if ok { 3 } else { 4 }) };
        }
        let mut status = 0;
        // SAFETY: room for a status.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        libc::WEXITSTATUS(status)
    });
    assert_eq!(child.join().unwrap(), 3);
    assert!(!other.is_finished());
    other.kill();
}

fn std_yields() {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = patchall::spawn(move || {
        let mut handlers = Vec::new();
        for _ in 0..20 {
            let mut client = listener.accept().unwrap().0;
            handlers.push(patchall::spawn(move || {
                let mut room = [0u8; 64];
                loop {
                    let n = client.read(&mut room).unwrap();
                    if n == 0 {
                        break;
                    }
                    client.write_all(&room[..n]).unwrap();
                }
            }));
        }
        assert!(patchall::join_all(handlers).into_iter().all(|r| r.is_ok()));
    });
    let clients: Vec<_> = (0..20)
        .map(|i| {
            patchall::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                let sent = [i as u8; 32];
                for _ in 0..10 {
                    stream.write_all(&sent).unwrap();
                    let mut got = [0u8; 32];
                    stream.read_exact(&mut got).unwrap();
                    assert_eq!(got, sent);
                }
                std::thread::sleep(Duration::from_millis(1));
                assert!(std::process::Command::new("/bin/true").status().unwrap().success());
            })
        })
        .collect();
    assert!(patchall::join_all(clients).into_iter().all(|r| r.is_ok()));
    server.join().unwrap();
}
