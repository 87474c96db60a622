//! A program that links the crate and patches itself. Each case is a process of its own, since what it patches stays patched.
//!
//! Without arguments this runs every case in a child; with a name, that case.

use patchall::monkey::{Groups, Threads, is_patched, original, patch, patch_all};
use patchall::{join_all, scope, sleep, spawn, yield_now};
use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::{Duration, Instant};

patchall::export_hooks!();

const CASES: &[(&str, fn())] = &[
    ("before_patching_a_sleep_holds_everybody_up", unpatched),
    ("sleeps_of_std_run_at_once", sleeps),
    ("patching_twice_is_patching_once", twice),
    ("groups_are_patched_by_themselves", selective),
    ("originals_do_not_yield", originals),
    ("locks_of_std_yield", locks),
    ("a_lock_between_coroutines_and_threads", locks_between_threads),
    ("sockets_and_pipes_of_std_yield", sockets),
    ("printing_into_a_full_pipe", printing),
    ("children_of_std_yield", children),
    ("new_threads_are_virtual", virtual_threads),
    ("coroutines_in_virtual_threads", coroutines_in_virtual_threads),
    ("eight_threads_inside_read", eight_threads_inside_read),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if let Ok(name) = std::env::var("CASE") {
        // SAFETY: the default action ends a case that hangs.
        unsafe { libc::alarm(60) };
        let case = CASES.iter().find(|c| c.0 == name).expect("a case");
        return case.1();
    }
    let (mut run, mut failed) = (0, Vec::new());
    for (name, _) in CASES.iter().filter(|c| arguments.is_empty() || arguments.iter().any(|a| c.0.contains(a.as_str())))
    {
        run += 1;
        let status = Command::new(std::env::current_exe().unwrap()).env("CASE", name).status().unwrap();
        if !status.success() {
            failed.push(format!("{name}: {status}"));
        }
    }
    assert!(failed.is_empty(), "failed: {failed:#?}");
    println!("{run} cases passed");
}

const NAP: Duration = Duration::from_millis(20);

/// Whether ten coroutines that call `nap` run at once: one after the other could not begin before another has ended.
fn overlap(nap: impl Fn() + Clone + 'static) -> bool {
    let most = Rc::new(Cell::new((0, 0)));
    let all = (0..10).map(|_| {
        let (most, nap) = (most.clone(), nap.clone());
        spawn(move || {
            let (now, max) = most.get();
            most.set((now + 1, max.max(now + 1)));
            nap();
            most.set((most.get().0 - 1, most.get().1));
        })
    });
    assert!(join_all(all).into_iter().all(|r| r.is_ok()));
    most.get().1 == 10
}

fn unpatched() {
    assert!(!overlap(|| std::thread::sleep(Duration::from_millis(1))));
}

fn sleeps() {
    patch_all();
    let begin = Instant::now();
    assert!(overlap(|| std::thread::sleep(NAP)));
    assert!(begin.elapsed() >= NAP);
}

fn twice() {
    let first = patch_all();
    assert_eq!(patch_all(), first);
    assert!(is_patched(Groups::ALL));
    assert!(overlap(|| std::thread::sleep(Duration::from_millis(1))));
}

fn selective() {
    patch(Groups::FILE);
    assert!(!overlap(|| std::thread::sleep(Duration::from_millis(1))));
    let (mut read, mut write) = std::io::pipe().unwrap();
    let reader = spawn(move || read.read(&mut [0; 1]).unwrap());
    yield_now();
    write.write_all(b"x").unwrap();
    assert_eq!(reader.join().unwrap(), 1);
    patch(Groups::TIME);
    assert!(is_patched(Groups::TIME | Groups::FILE) && !is_patched(Groups::THREAD));
    assert!(overlap(|| std::thread::sleep(Duration::from_millis(1))));
}

fn originals() {
    patch_all();
    let brief = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    assert!(!overlap(move || {
        // SAFETY: a time to read.
        unsafe { original::nanosleep(&raw const brief, std::ptr::null_mut()) };
    }));
}

fn locks() {
    patch(Groups::THREAD | Groups::TIME);
    let lock = Mutex::new(0);
    scope(|s| {
        for _ in 0..10 {
            s.spawn(|| {
                let mut n = lock.lock().unwrap();
                let before = *n;
                yield_now();
                *n = before + 1;
            });
        }
    });
    assert_eq!(lock.into_inner().unwrap(), 10);
    let pair = (Mutex::new(false), Condvar::new());
    let words = RwLock::new(Vec::new());
    scope(|s| {
        let waiter = s.spawn(|| {
            let mut ready = pair.0.lock().unwrap();
            while !*ready {
                ready = pair.1.wait(ready).unwrap();
            }
        });
        let timed = s.spawn(|| {
            let guard = Mutex::new(());
            Condvar::new().wait_timeout(guard.lock().unwrap(), NAP).unwrap().1.timed_out()
        });
        let writer = s.spawn(|| {
            let mut words = words.write().unwrap();
            sleep(NAP);
            words.push("written");
        });
        s.spawn(|| {
            *pair.0.lock().unwrap() = true;
            pair.1.notify_one();
        });
        yield_now();
        assert_eq!(*words.read().unwrap(), ["written"]);
        waiter.join().unwrap();
        assert!(timed.join().unwrap());
        writer.join().unwrap();
    });
}

fn locks_between_threads() {
    patch(Groups::THREAD | Groups::TIME);
    let total = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let total = total.clone();
            std::thread::spawn(move || {
                let all = (0..10).map(|_| {
                    let total = total.clone();
                    spawn(move || {
                        for _ in 0..100 {
                            let mut n = total.lock().unwrap();
                            let before = *n;
                            if before % 7 == 0 {
                                yield_now();
                            }
                            *n = before + 1;
                        }
                    })
                });
                assert!(join_all(all).into_iter().all(|r| r.is_ok()));
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(*total.lock().unwrap(), 4000);
}

fn sockets() {
    patch_all();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let server = spawn(move || {
        for _ in 0..5 {
            let (mut s, _) = listener.accept().unwrap();
            spawn(move || {
                let mut room = [0; 5];
                s.read_exact(&mut room).unwrap();
                s.write_all(&room.to_ascii_uppercase()).unwrap();
            });
        }
    });
    let clients = (0..5).map(|_| {
        spawn(move || {
            let mut s = std::net::TcpStream::connect(to).unwrap();
            std::thread::sleep(Duration::from_millis(1));
            s.write_all(b"hello").unwrap();
            let mut answer = String::new();
            s.read_to_string(&mut answer).unwrap();
            answer
        })
    });
    assert!(join_all(clients).into_iter().all(|r| r.unwrap() == "HELLO"));
    server.join().unwrap();
}

/// Whoever prints holds std's lock of standard output for the thread; no other coroutine may come to print then.
fn printing() {
    let (from, to) = std::io::pipe().unwrap();
    // SAFETY: descriptors of our own; a pipe of one page is full soon.
    unsafe {
        libc::fcntl(to.as_raw_fd(), libc::F_SETPIPE_SZ, 4096);
        libc::dup2(to.as_raw_fd(), libc::STDOUT_FILENO);
    }
    let reader = std::thread::spawn(move || BufReader::new(from).lines().take(4 * 1000).count());
    patch_all();
    let line = "a line of many ".repeat(10);
    let all = (0..4).map(|_| {
        let line = line.clone();
        spawn(move || (0..1000).for_each(|_| println!("{line}")))
    });
    assert!(join_all(all).into_iter().all(|r| r.is_ok()));
    assert_eq!(reader.join().unwrap(), 4000);
}

fn children() {
    patch_all();
    let begin = Instant::now();
    let all = (0..4).map(|_| spawn(|| Command::new("sleep").arg("0.3").status().unwrap().success()));
    assert!(join_all(all).into_iter().all(|r| r.unwrap()));
    assert!(begin.elapsed() < Duration::from_millis(1100), "one after the other would be 1.2 s");
    let out = spawn(|| Command::new("echo").arg("hello").output().unwrap().stdout);
    assert_eq!(out.join().unwrap(), b"hello\n");
}

fn kernel_threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

fn virtual_threads() {
    match patch_all() {
        Threads::Virtual => {}
        Threads::Native(why) => return eprintln!("threads are native here: {why}"),
    }
    let started = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..200)
        .map(|i| {
            let started = started.clone();
            std::thread::spawn(move || {
                started.fetch_add(1, SeqCst);
                std::thread::sleep(NAP);
                i
            })
        })
        .collect();
    while started.load(SeqCst) < 200 {
        std::thread::yield_now();
    }
    assert!(kernel_threads() < 100, "{}", kernel_threads());
    assert_eq!(threads.into_iter().map(|t| t.join().unwrap()).sum::<i32>(), 19_900);
}

fn coroutines_in_virtual_threads() {
    patch_all();
    let threads: Vec<_> = (0..20)
        .map(|_| {
            std::thread::spawn(|| {
                assert!(overlap(|| std::thread::sleep(Duration::from_millis(1))));
                patchall::blocking(|| std::thread::sleep(Duration::from_millis(1)));
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

fn eight_threads_inside_read() {
    let (read, mut write) = std::io::pipe().unwrap();
    let read = Arc::new(read);
    let begun = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (read, begun) = (read.clone(), begun.clone());
            std::thread::spawn(move || {
                begun.fetch_add(1, SeqCst);
                (&*read).read(&mut [0; 1]).unwrap()
            })
        })
        .collect();
    while begun.load(SeqCst) < 8 {
        std::thread::yield_now();
    }
    match patch_all() {
        Threads::Native(why) => assert!(why.contains("threads already"), "{why}"),
        Threads::Virtual => assert!(std::env::var_os("LD_PRELOAD").is_some(), "only the launcher's are virtual by now"),
    }
    assert!(overlap(|| std::thread::sleep(Duration::from_millis(1))));
    static LATE: AtomicBool = AtomicBool::new(false);
    let late = std::thread::spawn(|| {
        assert!(overlap(|| std::thread::sleep(Duration::from_millis(1))));
        LATE.store(true, SeqCst);
    });
    late.join().unwrap();
    assert!(LATE.load(SeqCst));
    write.write_all(&[7; 8]).unwrap();
    assert_eq!(threads.into_iter().map(|t| t.join().unwrap()).sum::<usize>(), 8);
}
