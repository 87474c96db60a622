//! To eat and to play at the same time, with std's own sleep, patched.
//!
//! ```text
//! eat food 1
//! play 1
//! play 2
//! eat food 2
//! main: 2.0 s
//! ```

use patchall::{join_all, monkey, spawn};
use std::thread::sleep;
use std::time::{Duration, Instant};

patchall::export_hooks!();

fn eat() {
    println!("eat food 1");
    sleep(Duration::from_secs(2));
    println!("eat food 2");
}

fn play() {
    println!("play 1");
    sleep(Duration::from_secs(1));
    println!("play 2");
}

fn main() {
    monkey::patch_all();
    let begin = Instant::now();
    join_all([spawn(eat), spawn(play)]);
    println!("main: {:.1} s", begin.elapsed().as_secs_f64());
}
