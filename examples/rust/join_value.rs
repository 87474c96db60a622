//! What a coroutine comes to: `join` gives its value, or what it panicked with.
//!
//! ```text
//! g1 is finished: false
//! g1 is finished: true
//! g1 came to 15
//! g2 came to "0 divides nothing"
//! g3 was killed
//! ```

use patchall::{Killed, spawn, yield_now};

fn func(a: u32, b: u32, c: u32, x: u32, y: u32) -> u32 {
    a + b + c + x + y
}

fn main() {
    // The value.
    let g1 = spawn(|| func(1, 2, 3, 4, 5));
    println!("g1 is finished: {}", g1.is_finished());
    yield_now();
    println!("g1 is finished: {}", g1.is_finished());
    println!("g1 came to {}", g1.join().unwrap());

    // A panic ends its coroutine only.
    std::panic::set_hook(Box::new(|_| {})); // no report on stderr
    let g2 = spawn(|| 10_u32.checked_div(0).expect("0 divides nothing"));
    let payload = g2.join().unwrap_err();
    println!("g2 came to {:?}", payload.downcast_ref::<String>().unwrap());

    // One that was killed is told apart from one that panicked.
    let g3 = spawn(patchall::park);
    g3.kill();
    if g3.join().unwrap_err().is::<Killed>() {
        println!("g3 was killed");
    }
}
