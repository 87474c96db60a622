//! Readiness of a descriptor: `reactor/fd.rs` and the loop of `abi/io/mod.rs` (`until_ready`), of which this is a copy in
//! small: no edge is lost between two readers, the kernel and the poller.

use crate::check;
use crate::sched::state::Wake;
use crate::sched::wake;
use crate::sync::{AtomicU32, Ordering::*, Spin};
use crate::task::Task;
use loom::sync::Mutex;
use loom::thread;
use std::sync::Arc;

const IN: u32 = 1;

/// Which step is left out or misplaced.
#[derive(Clone, Copy, PartialEq)]
enum Broken {
    Nothing,
    /// The bit is taken out after the try.
    TakenLate,
    /// Who leaves something behind sets the bit, and tells nobody.
    NobodyTold,
    /// Who parks looks at the bit before it takes the lock.
    ArmedWithoutLock,
}

struct Pipe {
    broken: Broken,
    /// In the kernel: bytes, and whether epoll has an edge to report.
    kernel: Mutex<(u32, bool)>,
    ready: AtomicU32,
    waiters: Spin<Vec<(Arc<Task>, u64)>>,
}

impl Pipe {
    fn new(broken: Broken) -> Arc<Pipe> {
        Arc::new(Pipe {
            broken,
            kernel: Mutex::new((0, false)),
            ready: AtomicU32::new(0),
            waiters: Spin::new(Vec::new()),
        })
    }

    /// write(2) of so many bytes, by anybody.
    fn write(&self, n: u32) {
        let mut k = self.kernel.lock().expect("no panics");
        *k = (k.0 + n, true);
    }

    /// read(2) of one byte, which does not wait.
    fn read(&self) -> bool {
        let mut k = self.kernel.lock().expect("no panics");
        let there = k.0 > 0;
        k.0 -= there as u32;
        there
    }

    /// The poller: takes the edge, if it still is one, and tells who waits (`event`).
    fn poll(&self) {
        let edge = {
            let mut k = self.kernel.lock().expect("no panics");
            std::mem::take(&mut k.1) && k.0 > 0
        };
        if edge {
            let mut list = self.waiters.lock();
            self.ready.fetch_or(IN, SeqCst);
            wake_all(&mut list);
        }
    }

    fn about_to_try(&self) -> u32 {
        if self.ready.load(Relaxed) & IN == 0 { 0 } else { self.ready.fetch_and(!IN, SeqCst) & IN }
    }

    fn still_ready(&self, taken: u32) {
        if self.ready.load(Relaxed) & taken != taken {
            let mut list = self.waiters.lock();
            self.ready.fetch_or(taken, SeqCst);
            if self.broken != Broken::NobodyTold {
                wake_all(&mut list);
            }
        }
    }

    /// False: it is ready already.
    fn arm(&self, t: &Arc<Task>, seq: u64) -> bool {
        let early = self.ready.load(SeqCst);
        let mut list = self.waiters.lock();
        let ready = if self.broken == Broken::ArmedWithoutLock { early } else { self.ready.load(SeqCst) };
        if ready & IN == 0 {
            list.push((t.clone(), seq));
        }
        ready & IN == 0
    }

    /// A virtual thread reads one byte.
    fn read_one(&self, t: &Arc<Task>) {
        let mut skip = self.ready.load(SeqCst) & IN == 0;
        loop {
            if !skip {
                let taken = if self.broken == Broken::TakenLate { 0 } else { self.about_to_try() };
                if self.read() {
                    return self.still_ready(taken);
                }
                if self.broken == Broken::TakenLate {
                    self.about_to_try();
                }
            }
            skip = false;
            let seq = t.waiter.state.prepare();
            if self.arm(t, seq) {
                t.park(seq);
            } else {
                t.waiter.state.cancel();
            }
        }
    }
}

fn wake_all(list: &mut Vec<(Arc<Task>, u64)>) {
    for (t, seq) in list.drain(..) {
        wake(&t.waiter, seq, Wake::Event);
    }
}

/// Two readers take one byte each of what is written in two calls; the writer is the poller, too.
fn two_readers(broken: Broken, writes: &'static [u32]) {
    check(3, move || {
        let p = Pipe::new(broken);
        let readers = [(), ()].map(|()| {
            let p = p.clone();
            thread::spawn(move || p.read_one(&Arc::new(Task::new())))
        });
        for n in writes {
            p.write(*n);
            p.poll();
        }
        for r in readers {
            r.join().expect("no panics");
        }
    });
}

#[test]
fn an_edge_for_two_is_seen_by_both() {
    two_readers(Broken::Nothing, &[2]);
}

#[test]
fn an_edge_that_comes_during_a_try_is_kept() {
    two_readers(Broken::Nothing, &[1, 1]);
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_the_bit_is_taken_out_after_the_try() {
    two_readers(Broken::TakenLate, &[1, 1]);
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_who_leaves_something_tells_nobody() {
    two_readers(Broken::NobodyTold, &[2]);
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_who_parks_looks_without_the_lock() {
    two_readers(Broken::ArmedWithoutLock, &[1, 1]);
}
