//! What the tests share.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::*};

/// Kills the process when a test takes too long, having said which.
pub(crate) fn limit(name: &'static str) {
    static NAME: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    extern "C" fn late(_: libc::c_int) {
        let text = b"a call held the thread up: ";
        // SAFETY: write(2) and _exit(2) may be called in a handler; the name is static.
        unsafe {
            libc::write(2, text.as_ptr().cast(), text.len());
            libc::write(2, NAME[0].load(Relaxed) as *const libc::c_void, NAME[1].load(Relaxed));
            libc::write(2, b"\n".as_ptr().cast(), 1);
            libc::_exit(1);
        }
    }
    NAME[0].store(name.as_ptr() as usize, Relaxed);
    NAME[1].store(name.len(), Relaxed);
    // SAFETY: a handler that only makes calls a handler may make.
    unsafe {
        libc::signal(libc::SIGALRM, late as *const () as usize);
        libc::alarm(60);
    }
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<&'static str>>>);

impl Log {
    pub(crate) fn add(&self, what: &'static str) {
        self.0.borrow_mut().push(what);
    }

    pub(crate) fn is(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }
}

/// Runs `call`, which waits, as a coroutine, and `meanwhile`, which ends the wait, as another; both began when `call` was made.
pub(crate) fn switches<T: 'static>(call: impl FnOnce() -> T + 'static, meanwhile: impl FnOnce() + 'static) -> T {
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    let caller = patchall::spawn(move || {
        first.add("call");
        set_errno(77);
        let result = call();
        first.add("return");
        (result, errno())
    });
    let other = patchall::spawn(move || {
        second.add("meanwhile");
        set_errno(88);
        meanwhile();
    });
    let (result, errno) = caller.join().unwrap();
    other.join().unwrap();
    log.is(&["call", "meanwhile", "return"]);
    ERRNO.set(errno);
    result
}

thread_local! {
    static ERRNO: std::cell::Cell<i32> = const { std::cell::Cell::new(0) };
}

/// As [`switches`], for a call that succeeds: errno is as it was before.
pub(crate) fn succeeds<T: 'static>(call: impl FnOnce() -> T + 'static, meanwhile: impl FnOnce() + 'static) -> T {
    let result = switches(call, meanwhile);
    assert_eq!(ERRNO.get(), 77, "errno after a call that succeeded");
    result
}

/// As [`switches`], for a call that fails: its errno.
pub(crate) fn fails(call: impl FnOnce() -> isize + 'static, meanwhile: impl FnOnce() + 'static) -> i32 {
    assert_eq!(switches(call, meanwhile), -1);
    ERRNO.get()
}

pub(crate) fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(crate) fn set_errno(e: i32) {
    // SAFETY: the thread's own.
    unsafe { *libc::__errno_location() = e };
}

/// Reading and writing end of a pipe.
pub(crate) fn pipe() -> (i32, i32) {
    let mut ends = [0; 2];
    // SAFETY: room for two.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    (ends[0], ends[1])
}

/// Two connected sockets.
pub(crate) fn sockets(kind: i32) -> (i32, i32) {
    let mut ends = [0; 2];
    // SAFETY: room for two.
    assert_eq!(
        // SAFETY: room for two.
        unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) },
        0
    );
    (ends[0], ends[1])
}

/// Writes without waiting: what fits.
pub(crate) fn put(fd: i32, bytes: &[u8]) {
    // SAFETY: a readable slice.
    let n = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    assert_eq!(n, bytes.len() as isize);
}

/// Fills a pipe or socket up, and says how many bytes that took.
pub(crate) fn fill(fd: i32) -> usize {
    let chunk = [b'f'; 4096];
    let mut total = 0;
    loop {
        let part = libc::iovec { iov_base: chunk.as_ptr() as *mut _, iov_len: chunk.len() };
        // SAFETY: one part of readable memory; the call does not wait (a kernel without RWF_NOWAIT for pipes is asked by poll).
        let n = unsafe {
            let mut p = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
            if libc::poll(&raw mut p, 1, 0) == 0 {
                -1
            } else {
                libc::pwritev2(fd, &raw const part, 1, -1, libc::RWF_NOWAIT)
            }
        };
        if n <= 0 {
            return total;
        }
        total += n as usize;
    }
}

/// Takes `count` bytes out, which are there.
pub(crate) fn drain(fd: i32, mut count: usize) {
    let mut room = vec![0u8; 65536];
    while count > 0 {
        // SAFETY: room for as much.
        let n = unsafe { libc::read(fd, room.as_mut_ptr().cast(), room.len().min(count)) };
        assert!(n > 0);
        count -= n as usize;
    }
}

/// Half a millisecond, as libc wants it.
pub(crate) fn moment() -> libc::timespec {
    libc::timespec { tv_sec: 0, tv_nsec: 500_000 }
}
