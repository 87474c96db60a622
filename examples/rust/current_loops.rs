//! Who runs? Three coroutines count to five, and each says who it is.
//!
//! ```text
//! <coroutine 1> 0
//! <coroutine 2> 0
//! <coroutine 3> 0
//! <coroutine 1> 1
//! <coroutine 2> 1
//! <coroutine 3> 1
//! …
//! <coroutine 1> 4
//! <coroutine 2> 4
//! <coroutine 3> 4
//! use time is: 2.5 s
//! ```

use patchall::{current, join_all, sleep, spawn};
use std::time::{Duration, Instant};

fn f(n: u32) {
    for i in 0..n {
        println!("{} {i}", current());
        sleep(Duration::from_millis(500));
    }
}

fn main() {
    let begin = Instant::now();
    join_all([spawn(|| f(5)), spawn(|| f(5)), spawn(|| f(5))]);
    println!("use time is: {:.1} s", begin.elapsed().as_secs_f64());
}
