//! Two coroutines that sleep for different times: together they take as long as the longer one.
//!
//! ```text
//! task1 start ----> 0.0 s
//! task2 start ----> 0.0 s
//! task2 end ----> 0.5 s
//! task1 end ----> 1.0 s
//! =====use time is: 1.0 s
//! ```

use patchall::{join_all, sleep, spawn};
use std::time::{Duration, Instant};

fn main() {
    let begin = Instant::now();
    let time = move || begin.elapsed().as_secs_f64();
    let task = move |name, pause| {
        println!("{name} start ----> {:.1} s", time());
        sleep(Duration::from_millis(pause));
        println!("{name} end ----> {:.1} s", time());
    };

    let g1 = spawn(move || task("task1", 1000));
    let g2 = spawn(move || task("task2", 500));
    join_all([g1, g2]);
    println!("=====use time is: {:.1} s", time());
}
