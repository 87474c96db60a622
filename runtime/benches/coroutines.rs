//! Coroutines beside bare corosensei, native threads and std's channels, in one run: `scripts/bench.sh coroutines`.
//!
//! Each figure is the best of several rounds, in which the two sides take turns; a line ends with `MISSED` when the ratio is
//! over its bound. Under `cargo test` it makes one short round.

use corosensei::stack::{Stack, StackPointer};
use corosensei::{Coroutine, CoroutineResult};
use patchall::sync::Queue;
use patchall::{Generator, JoinHandle, join_all, sleep, spawn, yield_now};
use std::hint::black_box;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How much is done: all of it, or a little to see that it works.
#[derive(Clone, Copy)]
struct Scale {
    rounds: usize,
    divisor: usize,
}

fn main() {
    // cargo passes `--bench` when it measures.
    let measures = std::env::args().any(|a| a == "--bench");
    let scale = if measures { Scale { rounds: 7, divisor: 1 } } else { Scale { rounds: 1, divisor: 100 } };
    println!("{:<34} {:>10} {:>10} {:>7} {:>7}", "coroutines", "here", "bare", "ratio", "bound");
    compare("switch, two coroutines, ns", 4.0, scale, |n| switches(2, n / 2), |n| bare_switches(2, n / 2), 2_000_000);
    compare("switch, 10,000 coroutines, ns", 1.5, scale, |n| switches(10_000, n), |n| bare_switches(10_000, n), 100);
    compare("spawn and join, warm, ns", 5.0, scale, spawns, bare_spawns, 200_000);
    compare("Generator::send, ns", 2.0, scale, sends, bare_resumes, 10_000_000);
    compare("queue put and get / mpsc, ns", 0.03, scale, queue, std_channel, 50_000);
    let count = 100_000 / scale.divisor;
    let (resident, tables) = sleepers(count);
    bounded("sleeping coroutine, bytes resident", resident, 4.3 * 1024.0);
    bounded("  and bytes of page tables", tables, 0.6 * 1024.0);
}

/// Times both, which do `n` things each (in thousands where the first argument of the work is a number of coroutines).
fn compare(
    name: &str,
    bound: f64,
    scale: Scale,
    here: impl Fn(usize) -> usize,
    bare: impl Fn(usize) -> usize,
    n: usize,
) {
    let n = (n / scale.divisor).max(2);
    let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
    for _ in 0..scale.rounds {
        ours = ours.min(time(&here, n));
        theirs = theirs.min(time(&bare, n));
    }
    let ratio = ours / theirs;
    let verdict = if ratio > bound { " MISSED" } else { "" };
    println!("{name:<34} {ours:>10.1} {theirs:>10.1} {ratio:>7.3} {bound:>7.2}{verdict}");
}

fn bounded(name: &str, value: f64, bound: f64) {
    let verdict = if value > bound { " MISSED" } else { "" };
    println!("{name:<34} {value:>10.0} {:>10} {:>7} {bound:>7.0}{verdict}", "", "");
}

/// Nanoseconds for one of the things that `f` says it did.
fn time(f: impl Fn(usize) -> usize, n: usize) -> f64 {
    let begin = Instant::now();
    let done = f(n);
    begin.elapsed().as_nanos() as f64 / done as f64
}

/// A stack as corosensei's own are: a mapping. (Those with a guard are a feature with more dependencies.)
struct Plain {
    base: *mut libc::c_void,
    size: usize,
}

impl Plain {
    fn new(size: usize) -> Plain {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags | libc::MAP_NORESERVE, -1, 0) };
        assert_ne!(base, libc::MAP_FAILED);
        Plain { base, size }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // SAFETY: our own mapping, on which nothing runs.
        unsafe { libc::munmap(self.base, self.size) };
    }
}

// SAFETY: the memory is this stack's alone; what runs on it here is shallow.
unsafe impl Stack for Plain {
    fn base(&self) -> StackPointer {
        StackPointer::new(self.base as usize + self.size).expect("an address")
    }

    fn limit(&self) -> StackPointer {
        StackPointer::new(self.base as usize).expect("an address")
    }
}

/// `each` switches by each of `count` coroutines.
fn switches(count: usize, each: usize) -> usize {
    let all: Vec<_> = (0..count).map(|_| spawn(move || (0..each).for_each(|_| yield_now()))).collect();
    join_all(all);
    count * each
}

/// The same by corosensei alone: a loop resumes one after the other.
fn bare_switches(count: usize, each: usize) -> usize {
    let mut all: Vec<_> = (0..count)
        .map(|_| {
            let stack = Plain::new(64 << 10);
            Coroutine::with_stack(stack, move |y: &corosensei::Yielder<(), ()>, ()| {
                (0..each).for_each(|_| y.suspend(()))
            })
        })
        .collect();
    for _ in 0..=each {
        all.iter_mut().for_each(|c| _ = black_box(c.resume(())));
    }
    count * each
}

fn spawns(n: usize) -> usize {
    (0..n).for_each(|i| assert_eq!(spawn(move || black_box(i)).join().ok(), Some(i)));
    n
}

fn bare_spawns(n: usize) -> usize {
    let mut stack = Plain::new(256 << 10);
    for i in 0..n {
        let mut c = Coroutine::<(), (), usize, _>::with_stack(stack, move |_, ()| black_box(i));
        assert!(matches!(c.resume(()), CoroutineResult::Return(r) if r == i));
        stack = c.into_stack();
    }
    n
}

fn sends(n: usize) -> usize {
    let mut consumer = Generator::new(|y| {
        let mut sum = 0u64;
        loop {
            sum = sum.wrapping_add(y.yield_(sum));
        }
        #[allow(unreachable_code)]
        ()
    });
    consumer.start();
    (0..n as u64).for_each(|i| _ = black_box(consumer.send(i)));
    n
}

fn bare_resumes(n: usize) -> usize {
    let stack = Plain::new(256 << 10);
    let mut consumer = Coroutine::<u64, u64, (), _>::with_stack(stack, |y, first| {
        let mut sum = first;
        loop {
            sum = sum.wrapping_add(y.suspend(sum));
        }
    });
    (0..n as u64).for_each(|i| _ = black_box(consumer.resume(i)));
    n
}

/// Items handed from one coroutine to another through a queue of one place: each put and get waits.
fn queue(n: usize) -> usize {
    let to = Queue::bounded(1);
    let from = to.clone();
    let producer = spawn(move || {
        (0..n).for_each(|i| to.put(i).expect("an open queue"));
        to.close();
    });
    let consumer: JoinHandle<usize> = spawn(move || from.iter().count());
    assert_eq!(consumer.join().ok(), Some(n));
    producer.join().expect("a producer");
    n
}

/// The same between two threads by std's channels, there and back, so that each hand-over is waited for.
fn std_channel(n: usize) -> usize {
    let (to, from) = mpsc::sync_channel(0);
    let thread = std::thread::spawn(move || from.iter().count());
    (0..n).for_each(|i| to.send(i).expect("a receiver"));
    drop(to);
    assert_eq!(thread.join().ok(), Some(n));
    n
}

/// Bytes that a sleeping coroutine takes: resident, and of page tables.
fn sleepers(count: usize) -> (f64, f64) {
    let field = |name: &str| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0
    };
    let before = (field("VmRSS:"), field("VmPTE:"));
    let all: Vec<_> = (0..count).map(|_| spawn(|| sleep(Duration::from_secs(3600)))).collect();
    yield_now();
    let after = (field("VmRSS:"), field("VmPTE:"));
    all.iter().for_each(JoinHandle::kill);
    join_all(all);
    ((after.0 - before.0) / count as f64, (after.1 - before.1) / count as f64)
}
