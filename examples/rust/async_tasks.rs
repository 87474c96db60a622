//! The two tasks again, as `async` functions: `block_on` runs a future in a coroutine, and a coroutine is a future.
//!
//! ```text
//! task1 start ----> 0.0 s
//! task2 start ----> 0.0 s
//! task2 end ----> 0.5 s
//! task1 end ----> 1.0 s
//! task1 and task2 are done: 1.0 s
//! ```

use patchall::{block_on, spawn, spawn_later};
use std::time::{Duration, Instant};

/// Knows nothing of coroutines but that there is something to wait for.
async fn task(name: &'static str, pause: u64, begin: Instant) -> &'static str {
    println!("{name} start ----> {:.1} s", begin.elapsed().as_secs_f64());
    spawn_later(Duration::from_millis(pause), || ()).await.unwrap();
    println!("{name} end ----> {:.1} s", begin.elapsed().as_secs_f64());
    name
}

fn main() {
    let begin = Instant::now();
    block_on(async {
        // A future does nothing until it is polled; in a coroutine of its own each goes on by itself.
        let first = spawn(move || block_on(task("task1", 1000, begin)));
        let second = spawn(move || block_on(task("task2", 500, begin)));
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        println!("{first} and {second} are done: {:.1} s", begin.elapsed().as_secs_f64());
    });
}
