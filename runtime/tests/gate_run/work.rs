//! A bit of everything that libc does by system calls, each with its result checked.

use std::io::{Read, Seek, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex};

use crate::entry::calls;

pub(crate) fn everything() {
    for part in [files, processes, vfork_and_system, threads, signals, network, memory, exit_codes] {
        let before = calls();
        part();
        assert!(calls() > before, "nothing came through the gate");
    }
}

fn files() {
    let mut path = *b"/tmp/patchall-gate-XXXXXX\0";
    // SAFETY: a writable, NUL-terminated template.
    let fd = unsafe { libc::mkstemp(path.as_mut_ptr().cast()) };
    assert!(fd >= 0);
    // SAFETY: the descriptor was opened just now and belongs to nobody else.
    let mut file = unsafe { <std::fs::File as std::os::fd::FromRawFd>::from_raw_fd(fd) };
    let name = std::str::from_utf8(&path[..path.len() - 1]).unwrap();
    let data: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    file.write_all(&data).unwrap();
    file.rewind().unwrap();
    let mut back = Vec::new();
    file.read_to_end(&mut back).unwrap();
    assert!(back == data);
    assert_eq!(std::fs::metadata(name).unwrap().len(), data.len() as u64);
    std::fs::remove_file(name).unwrap();
    assert!(std::fs::read_dir("/proc/self/fd").unwrap().count() > 2);
    assert_eq!(std::fs::read("/nonexistent").unwrap_err().raw_os_error(), Some(libc::ENOENT));
}

fn processes() {
    let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    cat.stdin.take().unwrap().write_all(b"through a pipe").unwrap();
    assert_eq!(cat.wait_with_output().unwrap().stdout, b"through a pipe");
    let mut sleeper = Command::new("sleep").arg("1000").spawn().unwrap();
    sleeper.kill().unwrap();
    assert_eq!(sleeper.wait().unwrap().signal(), Some(libc::SIGKILL));
}

fn vfork_and_system() {
    // SAFETY: a NUL-terminated command.
    let status = unsafe { libc::system(c"exit 7".as_ptr()) };
    assert_eq!(libc::WEXITSTATUS(status), 7);
    // SAFETY: NUL-terminated strings, and a stream that is read and closed once.
    unsafe {
        let pipe = libc::popen(c"echo popen".as_ptr(), c"r".as_ptr());
        let mut line = [0u8; 16];
        assert!(!libc::fgets(line.as_mut_ptr().cast(), 16, pipe).is_null());
        assert_eq!(libc::pclose(pipe), 0);
        assert!(line.starts_with(b"popen\n"));
    }
}

fn threads() {
    let shared = Arc::new((Mutex::new(0u32), Condvar::new(), Barrier::new(8)));
    let workers: Vec<_> = (0..8)
        .map(|turn| {
            let shared = shared.clone();
            std::thread::spawn(move || {
                let (count, changed, barrier) = &*shared;
                barrier.wait();
                for round in 0..100 {
                    let mut now = count.lock().unwrap();
                    while *now != round * 8 + turn {
                        now = changed.wait(now).unwrap();
                    }
                    *now += 1;
                    changed.notify_all();
                }
                pthread_primitives();
            })
        })
        .collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert_eq!(*shared.0.lock().unwrap(), 800);
}

/// The standard library has futexes of its own; these are glibc's.
fn pthread_primitives() {
    // SAFETY: objects of this frame, initialised before use, used by two threads that are joined,
    // destroyed after that.
    unsafe {
        let mut barrier: libc::pthread_barrier_t = std::mem::zeroed();
        libc::pthread_barrier_init(&mut barrier, std::ptr::null(), 2);
        extern "C" fn meet(barrier: *mut libc::c_void) -> *mut libc::c_void {
            for _ in 0..20 {
                // SAFETY: the barrier outlives this thread, which is joined.
                unsafe { libc::pthread_barrier_wait(barrier.cast()) };
            }
            std::ptr::null_mut()
        }
        let mut other = 0;
        let argument = (&raw mut barrier).cast();
        assert_eq!(libc::pthread_create(&mut other, std::ptr::null(), meet, argument), 0);
        meet(argument);
        assert_eq!(libc::pthread_join(other, std::ptr::null_mut()), 0);
        assert_eq!(libc::pthread_barrier_destroy(&mut barrier), 0);
    }
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_signal: i32) {
    HANDLED.fetch_add(1, Ordering::SeqCst);
}

/// Handles `signal` by [`count`], with `flags`.
pub(crate) fn handle(signal: i32, flags: i32) {
    // SAFETY: a zeroed sigaction with a handler that is async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count as *const () as usize;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(signal, &action, std::ptr::null_mut()), 0);
    }
}

/// How many signals [`handle`] has counted.
pub(crate) fn handled() -> usize {
    HANDLED.load(Ordering::SeqCst)
}

fn signals() {
    handle(libc::SIGUSR1, 0);
    let before = handled();
    for _ in 0..100 {
        // SAFETY: raise(3) of a signal with a handler.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
    }
    assert_eq!(handled() - before, 100);
    // A timer that ends a sleep: EINTR, and the time that is left.
    handle(libc::SIGALRM, 0);
    // SAFETY: valid structures, and an interval timer of this process.
    unsafe {
        let mut timer: libc::itimerval = std::mem::zeroed();
        timer.it_value.tv_usec = 20_000;
        assert_eq!(libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut()), 0);
        let long = libc::timespec { tv_sec: 60, tv_nsec: 0 };
        let mut rest: libc::timespec = std::mem::zeroed();
        assert_eq!(libc::nanosleep(&long, &mut rest), -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EINTR));
        assert!((50..60).contains(&rest.tv_sec));
    }
}

fn network() {
    assert!("localhost:80".to_socket_addrs().unwrap().count() > 0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = [0; 5];
        stream.read_exact(&mut line).unwrap();
        stream.write_all(&line).unwrap();
    });
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut back = [0; 5];
    stream.read_exact(&mut back).unwrap();
    server.join().unwrap();
    assert_eq!(&back, b"hello");
}

fn memory() {
    extern "C" fn compare(a: *const libc::c_void, b: *const libc::c_void) -> i32 {
        // SAFETY: qsort(3) passes pointers to elements.
        unsafe { (*a.cast::<i32>()).cmp(&*b.cast::<i32>()) as i32 }
    }
    let mut numbers: Vec<i32> = (0..200_000).map(|n: i32| n.wrapping_mul(1_640_531_527)).collect();
    // SAFETY: the array is as long as said, and the comparison total.
    unsafe { libc::qsort(numbers.as_mut_ptr().cast(), numbers.len(), 4, Some(compare)) };
    assert!(numbers.is_sorted());
    let large = vec![1u8; 64 << 20];
    assert_eq!(large.iter().map(|&byte| u64::from(byte)).sum::<u64>(), 64 << 20);
}

fn exit_codes() {
    for code in [0, 3, 255] {
        // SAFETY: the child only exits.
        match unsafe { libc::fork() } {
            // SAFETY: _exit(2) ends the child.
            0 => unsafe { libc::_exit(code) },
            child => {
                let mut status = 0;
                // SAFETY: our own child, and a status word of ours.
                assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
                assert_eq!(libc::WEXITSTATUS(status), code);
            }
        }
    }
}
