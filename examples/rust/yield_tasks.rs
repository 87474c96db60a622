//! Generators are iterators: two tasks that work when they are asked take turns in a `zip`.
//!
//! ```text
//! task1 at work
//! task2 at work
//! turn 1 is over
//! task1 at work
//! task2 at work
//! turn 2 is over
//! task1 at work
//! task2 at work
//! turn 3 is over
//! ```

use patchall::generator;

/// Gives the number of each piece of work that it has done.
fn task(name: &'static str) -> impl Iterator<Item = u32> {
    generator(move |y| {
        for piece in 1.. {
            println!("{name} at work");
            y.yield_(piece);
        }
    })
}

fn main() {
    for (turn, _) in task("task1").zip(task("task2")).take(3) {
        println!("turn {turn} is over");
    }
}
