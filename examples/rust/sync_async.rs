//! Ten tasks of half a second, synchronous and asynchronous: one after another, or all at the same time.
//!
//! ```text
//! Synchronous:
//! Task 0 done
//! Task 1 done
//! …
//! Task 9 done
//! use time is: 5.0 s
//! Asynchronous:
//! Task 0 done
//! Task 1 done
//! …
//! Task 9 done
//! use time is: 0.5 s
//! all at once is faster: true
//! ```

use patchall::{join_all, sleep, spawn};
use std::time::{Duration, Instant};

fn task(id: u32) {
    sleep(Duration::from_millis(500));
    println!("Task {id} done");
}

fn synchronous() {
    for i in 0..10 {
        task(i);
    }
}

fn asynchronous() {
    join_all((0..10).map(|i| spawn(move || task(i))));
}

fn timed(f: impl Fn()) -> Duration {
    let begin = Instant::now();
    f();
    let time = begin.elapsed();
    println!("use time is: {:.1} s", time.as_secs_f64());
    time
}

fn main() {
    println!("Synchronous:");
    let one_by_one = timed(synchronous);
    println!("Asynchronous:");
    let at_once = timed(asynchronous);
    println!("all at once is faster: {}", at_once < one_by_one);
}
