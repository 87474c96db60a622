//! To eat and to play at the same time, with arguments: a closure carries them. `join` waits for one, then for the other.
//!
//! ```text
//! egon eat 1
//! egon play 1
//! egon play 2
//! egon eat 2
//! main: 2.0 s
//! ```

use patchall::{sleep, spawn};
use std::time::{Duration, Instant};

fn eat(name: &str) {
    println!("{name} eat 1");
    sleep(Duration::from_secs(2));
    println!("{name} eat 2");
}

fn play(name: &str) {
    println!("{name} play 1");
    sleep(Duration::from_secs(1));
    println!("{name} play 2");
}

fn main() {
    let begin = Instant::now();
    let g1 = spawn(|| eat("egon"));
    let g2 = spawn(|| play("egon"));
    g1.join().unwrap();
    g2.join().unwrap();
    println!("main: {:.1} s", begin.elapsed().as_secs_f64());
}
