//! The same work as in `serial_baseline`, by two tasks in turn: each number is used as soon as it is there.
//!
//! Ten million times to the consumer and back, and no list in between.
//!
//! ```text
//! 10000000 numbers, sum 49999995000000
//! use time is: … s
//! ```

use patchall::Generator;
use std::time::Instant;

/// Is sent numbers, and gives how many there were so far and what they come to.
fn customer() -> Generator<u64, (u64, u64)> {
    Generator::new(|y| {
        let (mut count, mut sum) = (0, 0);
        loop {
            sum += y.yield_((count, sum));
            count += 1;
        }
    })
}

fn product() -> (u64, u64) {
    let mut customer = customer();
    let mut so_far = customer.start();
    for i in 0..10_000_000 {
        so_far = customer.send(i);
    }
    so_far.expect("the customer has no end of its own")
}

fn main() {
    let begin = Instant::now();
    let (count, sum) = product();
    let time = begin.elapsed();
    println!("{count} numbers, sum {sum}");
    println!("use time is: {:.1} s", time.as_secs_f64());
}
