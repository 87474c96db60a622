//! Whether an OS thread sleeps in the kernel, and in which call; how long it has run. For the watchdog.
//!
//! `/proc/self/task/TID/syscall` says "running" of a thread that runs or wants to, else the number of the call it sleeps in,
//! or -1 when it is in the kernel for another reason, a page fault (fs/proc/base.c, proc_pid_syscall). A process may always
//! ask for its own threads.

use crate::sys::kernel::Timespec;
use crate::sys::{self, nr};

/// /proc/self/task, opened once; without /proc nobody is ever seen asleep.
pub(super) struct Tasks(isize);

impl Tasks {
    pub(super) fn open() -> Tasks {
        let flags = (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) as usize;
        let (at, path) = (libc::AT_FDCWD as usize, c"/proc/self/task".as_ptr() as usize);
        // SAFETY: the path is zero-terminated.
        Tasks(unsafe { sys::syscall4(nr(libc::SYS_openat), at, path, flags, 0) })
    }

    /// The call that an OS thread sleeps in, -1: none, but in the kernel all the same. `None`: it runs, or wants to.
    pub(super) fn asleep_in(&self, tid: i32) -> Option<i32> {
        let (path, first) = path(tid);
        let mut text = [0u8; 16];
        // SAFETY: memory and descriptors of our own; the path is zero-terminated.
        let n = unsafe {
            let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
            let fd = sys::syscall4(nr(libc::SYS_openat), self.0 as usize, &raw const path[first] as usize, flags, 0);
            if sys::is_err(fd) {
                return None;
            }
            let n = sys::syscall3(nr(libc::SYS_read), fd as usize, text.as_mut_ptr() as usize, text.len());
            sys::syscall1(nr(libc::SYS_close), fd as usize);
            n
        };
        parse(&text[..n.max(0) as usize])
    }
}

/// "TID/syscall", from the index on.
fn path(tid: i32) -> ([u8; 19], usize) {
    let mut path = *b"0000000000/syscall\0";
    let (mut first, mut left) = (10, tid as u32);
    while left != 0 {
        first -= 1;
        path[first] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    (path, first)
}

fn parse(text: &[u8]) -> Option<i32> {
    let (minus, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    let n = digits.iter().take_while(|d| d.is_ascii_digit()).fold(0i32, |n, d| n * 10 + (d - b'0') as i32);
    Some(if minus { -n } else { n })
}

/// CPU time of an OS thread, in nanoseconds: the clock of another thread is `~tid << 3 | 6` (include/linux/posix-timers.h).
pub(super) fn cpu_time(tid: i32) -> u64 {
    let clock = !tid << 3 | 6;
    let mut at = Timespec::default();
    // SAFETY: clock_gettime fills the structure.
    unsafe { sys::syscall2(nr(libc::SYS_clock_gettime), clock as usize, &raw mut at as usize) };
    at.nanos().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicBool, Ordering::*};

    #[test]
    fn what_the_file_says() {
        assert_eq!(parse(b"running\n"), None);
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"-1 0x7ffc 0x7f"), Some(-1));
        assert_eq!(parse(b"202 0x7f12 0x18"), Some(202));
        assert_eq!(parse(b"0 0x0"), Some(0));
    }

    #[test]
    fn a_thread_that_sleeps_and_one_that_runs() {
        let tasks = Tasks::open();
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let sleeper = std::thread::spawn(move || {
            // SAFETY: gettid has no effect.
            tell.send(unsafe { sys::syscall0(nr(libc::SYS_gettid)) } as i32).expect("somebody listens");
            ended.recv().ok()
        });
        let tid = told.recv().expect("it tells");
        while tasks.asleep_in(tid) != Some(libc::SYS_futex as i32) {
            std::thread::yield_now();
        }
        let before = cpu_time(tid);
        assert!(before > 0);
        assert_eq!(cpu_time(tid), before);
        drop(end);
        sleeper.join().expect("no panics");

        let (tell, told) = std::sync::mpsc::channel();
        let done = AtomicBool::new(false);
        std::thread::scope(|s| {
            s.spawn(|| {
                // SAFETY: as above.
                tell.send(unsafe { sys::syscall0(nr(libc::SYS_gettid)) } as i32).expect("somebody listens");
                while !done.load(Relaxed) {
                    core::hint::spin_loop();
                }
            });
            let tid = told.recv().expect("it tells");
            // Until it is out of its call; for ever if it were taken for asleep.
            while tasks.asleep_in(tid).is_some() {}
            let before = cpu_time(tid);
            while cpu_time(tid) == before {}
            done.store(true, Relaxed);
        });
    }
}
