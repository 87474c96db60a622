//! Opening the gate under threads that are in the very code.

use std::io::Read;
use std::os::fd::FromRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use patchall::gate::Threads;

use crate::entry::calls;
use crate::work;

/// How many threads hammer at libc.
const THREADS: usize = 8;

/// Every thread blocks all signals: not one of them may be needed.
fn block_all_signals() {
    // SAFETY: a signal set of this frame.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &all, std::ptr::null_mut());
    }
}

pub(crate) fn calls_go_on() {
    let stop = Arc::new(AtomicBool::new(false));
    let rounds = Arc::new(AtomicUsize::new(0));
    let ready = Arc::new(Barrier::new(THREADS + 1));
    let workers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (stop, rounds, ready) = (stop.clone(), rounds.clone(), ready.clone());
            std::thread::spawn(move || {
                block_all_signals();
                ready.wait();
                while !stop.load(Ordering::Relaxed) {
                    one_of_each();
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    ready.wait();
    let progress = |by: usize| {
        let target = rounds.load(Ordering::Relaxed) + by;
        while rounds.load(Ordering::Relaxed) < target {
            std::thread::yield_now();
        }
    };
    progress(1000);
    let gate = crate::open(Threads::Many);
    assert!(gate.stats().objects.iter().all(|object| object.error.is_none()));
    let before = calls();
    progress(1000);
    assert!(calls() - before > 1000);
    stop.store(true, Ordering::Relaxed);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    work::everything();
}

/// Calls whose windows are of every kind, with results that can be wrong.
fn one_of_each() {
    static WORD: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: system calls on memory of this frame, and a futex word of ours.
    unsafe {
        assert_eq!(libc::getppid(), libc::syscall(libc::SYS_getppid) as i32);
        let mut pipe = [0; 2];
        assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
        let (text, mut back) = (*b"ping", [0u8; 4]);
        assert_eq!(libc::write(pipe[1], text.as_ptr().cast(), 4), 4);
        assert_eq!(libc::read(pipe[0], back.as_mut_ptr().cast(), 4), 4);
        assert_eq!(back, text);
        assert_eq!(libc::close(pipe[0]) + libc::close(pipe[1]), 0);
        let moment = libc::timespec { tv_sec: 0, tv_nsec: 1 };
        assert_eq!(libc::nanosleep(&moment, std::ptr::null_mut()), 0);
        let wrong = libc::syscall(libc::SYS_futex, WORD.as_ptr(), libc::FUTEX_WAIT, 1, 0);
        assert_eq!(wrong, -1);
        assert_eq!(*libc::__errno_location(), libc::EAGAIN);
        let mut condition: libc::pthread_cond_t = std::mem::zeroed();
        assert_eq!(libc::pthread_cond_signal(&mut condition), 0);
        assert_eq!(libc::sched_yield(), 0);
    }
    // A thread is made and ends, all signals blocked.
    std::thread::spawn(|| {}).join().unwrap();
}

/// Threads sit in the kernel at a site when it is patched: one returns, one is restarted by the
/// kernel after a handler, which goes back to the site itself.
pub(crate) fn blocked_calls() {
    work::handle(libc::SIGUSR2, libc::SA_RESTART);
    let mut pipe = [0; 2];
    // SAFETY: an array for two descriptors.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    let tids = Arc::new([const { AtomicUsize::new(0) }; 2]);
    let readers: Vec<_> = (0..2)
        .map(|index| {
            let tids = tids.clone();
            // SAFETY: a duplicate that only this thread has.
            let mut end = unsafe { std::fs::File::from_raw_fd(libc::dup(pipe[0])) };
            std::thread::spawn(move || {
                // SAFETY: gettid(2) has no preconditions.
                tids[index].store(unsafe { libc::gettid() } as usize, Ordering::SeqCst);
                let mut byte = [0];
                end.read_exact(&mut byte).unwrap();
                byte[0]
            })
        })
        .collect();
    let tid = |index: usize| loop {
        match tids[index].load(Ordering::SeqCst) {
            0 => std::thread::yield_now(),
            tid => return tid,
        }
    };
    for index in 0..2 {
        wait_until_in_read(tid(index));
    }
    let _gate = crate::open(Threads::Many);
    let (before, counted) = (work::handled(), calls());
    // SAFETY: tgkill(2) of a thread of this process, with a signal that has a handler.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid(0), libc::SIGUSR2) };
    while work::handled() == before {
        std::thread::yield_now();
    }
    wait_until_in_read(tid(0));
    assert!(calls() > counted);
    // SAFETY: two bytes of a literal.
    assert_eq!(unsafe { libc::write(pipe[1], b"xx".as_ptr().cast(), 2) }, 2);
    for reader in readers {
        assert_eq!(reader.join().unwrap(), b'x');
    }
}

fn wait_until_in_read(tid: usize) {
    let reading = format!("{} ", libc::SYS_read);
    loop {
        let call = std::fs::read_to_string(format!("/proc/self/task/{tid}/syscall")).unwrap();
        if call.starts_with(&reading) {
            return;
        }
        std::thread::yield_now();
    }
}
