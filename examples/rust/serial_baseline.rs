//! The baseline: one task after the other. The whole list is made before the first number is used.
//!
//! ```text
//! 10000000 numbers, sum 49999995000000
//! list of 10000000 numbers kept in between
//! use time is: … s
//! ```

use std::time::Instant;

fn product() -> Vec<u64> {
    let mut data = Vec::new();
    for i in 0..10_000_000 {
        data.push(i);
    }
    data
}

fn customer(data: &[u64]) {
    println!("{} numbers, sum {}", data.len(), data.iter().sum::<u64>());
}

fn main() {
    let begin = Instant::now();
    let data = product();
    customer(&data);
    let time = begin.elapsed();
    println!("list of {} numbers kept in between", data.len());
    println!("use time is: {:.1} s", time.as_secs_f64());
}
