//! The two workers with std's own sleep: after `patch_all`, what knows nothing of coroutines lets the others run, too.
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

use patchall::{monkey, spawn};
use std::thread::sleep;
use std::time::{Duration, Instant};

// Once in a program: blocking calls of the whole process come through the crate.
patchall::export_hooks!();

fn work(name: &str) {
    for _ in 0..3 {
        println!("running-{name}...");
        sleep(Duration::from_millis(500));
    }
}

fn main() {
    // From here on they yield.
    monkey::patch_all();

    let begin = Instant::now();
    let g1 = spawn(|| work("work1"));
    let g2 = spawn(|| work("work2"));
    g1.join().unwrap();
    g2.join().unwrap();
    println!("use time is: {:.1} s", begin.elapsed().as_secs_f64());
}
