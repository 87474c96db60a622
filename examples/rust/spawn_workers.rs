//! Two coroutines that nobody has to switch by hand: while one sleeps, the other runs.
//!
//! ```text
//! running-work1...
//! running-work2...
//! running-work1...
//! running-work2...
//! running-work1...
//! running-work2...
//! use time is: 1.5 s
//! ```

use patchall::{sleep, spawn};
use std::time::{Duration, Instant};

fn work(name: &str) {
    for _ in 0..3 {
        println!("running-{name}...");
        sleep(Duration::from_millis(500));
    }
}

fn main() {
    let begin = Instant::now();
    let g1 = spawn(|| work("work1"));
    let g2 = spawn(|| work("work2"));
    // Neither has begun: the turn passes where this thread waits.
    g1.join().unwrap();
    g2.join().unwrap();
    println!("use time is: {:.1} s", begin.elapsed().as_secs_f64());
}
