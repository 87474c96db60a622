//! Two generators in turn: `next` runs a worker up to its `yield_`, where it stops until somebody asks again.
//!
//! ```text
//! running-work1...
//! running-work2...
//! running-work1...
//! running-work2...
//! running-work1...
//! running-work2...
//! ```

use patchall::{Generator, generator};

/// A worker that would go on for ever. What it has on its stack stays there from one turn to the next.
fn work(name: &'static str) -> Generator<(), ()> {
    generator(move |y| {
        loop {
            println!("running-{name}...");
            y.yield_(());
        }
    })
}

fn main() {
    let mut w1 = work("work1");
    let mut w2 = work("work2");
    for _ in 0..3 {
        w1.next();
        w2.next();
    }
    // Here both are dropped, and unwind from where they stopped.
}
