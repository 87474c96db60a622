//! To eat and to play at the same time, in a scope: the coroutines borrow what main has, and `scope` waits for all.
//!
//! ```text
//! egon eat 1
//! egon play 1
//! egon play 2
//! egon eat 2
//! main: 2.0 s
//! ```

use patchall::{scope, sleep};
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
    let name = String::from("egon");
    scope(|s| {
        s.spawn(|| eat(&name));
        s.spawn(|| play(&name));
    });
    println!("main: {:.1} s", begin.elapsed().as_secs_f64());
}
