//! Spawning, joining, sleeping, ending.

use crate::support::Log;
use patchall::{Deadlock, JoinHandle, Killed, current, join_all, sleep, spawn, yield_now};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("coroutines_run_in_the_order_they_were_made", in_order),
    ("sleepers_wake_in_the_order_of_their_times", by_time),
    ("ten_thousand_coroutines", ten_thousand),
    ("a_panic_is_the_error_of_join", panics),
    ("a_dropped_handle_lets_go", detached),
    ("killed_coroutines_unwind", kill),
    ("a_killed_coroutine_sees_its_calls_fail", kill_in_call),
    ("a_coroutine_that_will_not_end_is_abandoned", abandoned),
    ("a_thread_that_ends_unwinds_its_coroutines_in_order", thread_end),
    ("joining_what_can_never_end_is_a_deadlock_error", deadlock),
    ("floating_point_control_is_the_coroutines_own", rounding),
    ("current_tells_who_runs", who),
    ("a_destructor_that_blocks_while_unwinding", blocking_drop),
];

fn in_order() {
    let log = Log::default();
    let names = ["a", "b", "c"];
    let all: Vec<_> = names
        .map(|n| (n, log.clone()))
        .map(|(n, log)| {
            spawn(move || {
                log.add(n);
                yield_now();
                log.add(n);
            })
        })
        .into();
    log.is(&[]);
    join_all(all);
    log.is(&["a", "b", "c", "a", "b", "c"]);
}

fn by_time() {
    let log = Log::default();
    let begin = Instant::now();
    let all: Vec<_> = [(30, "third"), (10, "first"), (20, "second")]
        .map(|(ms, name)| {
            let log = log.clone();
            spawn(move || {
                sleep(Duration::from_millis(ms));
                log.add(name);
            })
        })
        .into();
    join_all(all);
    assert!(begin.elapsed() >= Duration::from_millis(30));
    log.is(&["first", "second", "third"]);
}

fn ten_thousand() {
    let sum = Rc::new(Cell::new(0u64));
    let all: Vec<_> = (0..10_000u64)
        .map(|i| {
            let sum = sum.clone();
            spawn(move || {
                sleep(Duration::from_millis(i % 7));
                sum.set(sum.get() + i);
                i
            })
        })
        .collect();
    let values: Vec<u64> = join_all(all).into_iter().map(|r| r.unwrap()).collect();
    assert!(values.iter().copied().eq(0..10_000));
    assert_eq!(sum.get(), 9_999 * 10_000 / 2);
}

fn panics() {
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let bad: JoinHandle<()> = spawn(|| {
        yield_now();
        panic!("on purpose");
    });
    let good = spawn(|| {
        sleep(Duration::from_millis(1));
        5
    });
    let payload = bad.join().unwrap_err();
    std::panic::set_hook(silent);
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(good.join().unwrap(), 5);
}

fn detached() {
    let done = Rc::new(Cell::new(false));
    let theirs = done.clone();
    drop(spawn(move || {
        sleep(Duration::from_millis(1));
        theirs.set(true);
    }));
    while !done.get() {
        yield_now();
    }
}

/// Writes its name when it is dropped.
struct Drops(&'static str, Rc<RefCell<Vec<&'static str>>>);

impl Drop for Drops {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

fn kill() {
    let dropped = Rc::new(RefCell::new(Vec::new()));
    let (a, b) = (Drops("parked", dropped.clone()), Drops("fresh", dropped.clone()));
    let parked = spawn(move || {
        let _a = a;
        sleep(Duration::from_secs(1000));
    });
    yield_now();
    let fresh = spawn(move || drop(b));
    fresh.kill();
    parked.kill();
    assert!(parked.join().unwrap_err().is::<Killed>());
    assert!(fresh.join().unwrap_err().is::<Killed>());
    assert_eq!(*dropped.borrow(), ["fresh", "parked"]);
}

fn kill_in_call() {
    let (r, _w) = crate::support::pipe();
    let reader = spawn(move || {
        let mut byte = 0u8;
        // SAFETY: room for a byte.
        let n = unsafe { libc::read(r, (&raw mut byte).cast(), 1) };
        (n, crate::support::errno())
    });
    yield_now();
    reader.kill();
    assert_eq!(reader.join().unwrap(), (-1, libc::ECANCELED));
}

fn abandoned() {
    let stubborn = || loop {
        // SAFETY: no descriptors.
        unsafe { libc::poll(std::ptr::null_mut(), 0, -1) };
    };
    let c: JoinHandle<()> = spawn(stubborn);
    yield_now();
    c.kill();
    assert!(c.join().unwrap_err().is::<Killed>());
    drop(spawn(stubborn));
    yield_now();
}

fn thread_end() {
    static ORDER: std::sync::Mutex<Vec<u32>> = std::sync::Mutex::new(Vec::new());
    struct Says(u32);
    impl Drop for Says {
        fn drop(&mut self) {
            ORDER.lock().unwrap().push(self.0);
        }
    }
    std::thread::spawn(|| {
        for i in 0..3 {
            spawn(move || {
                let _says = Says(i);
                sleep(Duration::from_secs(1000));
            });
        }
        yield_now();
        let never_run = Says(3);
        spawn(move || drop(never_run));
    })
    .join()
    .unwrap();
    assert_eq!(*ORDER.lock().unwrap(), [0, 1, 2, 3]);
}

fn deadlock() {
    // Nothing but a signal could end this wait, and signals end none of a coroutine's.
    // SAFETY: no descriptors.
    let waits = || unsafe { libc::poll(std::ptr::null_mut(), 0, -1) };
    let stuck = patchall::task::Builder::new().name("stuck").spawn(waits).unwrap();
    let outer = spawn(move || stuck.join().is_ok());
    let error = outer.join().unwrap_err();
    let report = error.downcast_ref::<Deadlock>().unwrap().to_string();
    assert!(report.starts_with("deadlock: <thread> waits for the end of coroutine "), "{report}");
    assert!(report.contains(" \"stuck\"> waits for "), "{report}");
}

fn rounding() {
    /// SSE's rounding mode: bits 13 and 14 of MXCSR (Intel SDM 1, 10.2.3).
    fn mode(set: Option<u32>) -> u32 {
        let mut v = 0u32;
        // SAFETY: stores and loads the register; only the rounding mode is changed.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut v, options(nostack));
            if let Some(m) = set {
                v = v & !0x6000 | m << 13;
                std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const v, options(nostack));
            }
        }
        v >> 13 & 3
    }
    let all: Vec<_> = (0..4)
        .map(|m| {
            spawn(move || {
                mode(Some(m));
                for _ in 0..3 {
                    yield_now();
                    assert_eq!(mode(None), m);
                }
            })
        })
        .collect();
    yield_now();
    assert_eq!(mode(None), 0);
    assert!(join_all(all).into_iter().all(|r| r.is_ok()));
}

fn who() {
    assert_eq!(current().to_string(), "<thread>");
    let c = patchall::task::Builder::new().name("worker").spawn(|| current().to_string()).unwrap();
    let id = c.id();
    assert_eq!(c.name(), Some("worker"));
    assert_eq!(c.join().unwrap(), format!("<coroutine {id} \"worker\">"));
}

fn blocking_drop() {
    struct Blocks(Rc<Cell<bool>>);
    impl Drop for Blocks {
        fn drop(&mut self) {
            sleep(Duration::from_millis(1));
            std::thread::sleep(Duration::from_millis(1));
            self.0.set(true);
        }
    }
    let done = Rc::new(Cell::new(false));
    let guard = Blocks(done.clone());
    let c = spawn(move || {
        let _guard = guard;
        sleep(Duration::from_secs(1000));
    });
    yield_now();
    c.kill();
    assert!(c.join().unwrap_err().is::<Killed>());
    assert!(done.get());
}
