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

fn timed(f: impl Fn()) {
    let begin = Instant::now();
    f();
    println!("use time is: {:.1} s", begin.elapsed().as_secs_f64());
}

fn main() {
    println!("Synchronous:");
    timed(synchronous);
    println!("Asynchronous:");
    timed(asynchronous);
}
