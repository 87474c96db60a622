//! Producer and consumer by `send` and `close`: each value goes straight to the consumer, and an answer comes back.
//!
//! ```text
//! [producer]--> 1
//! [consumer]<-- 1
//! [producer] consumer return: ok
//! [producer]--> 2
//! [consumer]<-- 2
//! [producer] consumer return: ok
//! …
//! [producer]--> 10
//! [consumer]<-- 10
//! [producer] consumer return: ok
//! [consumer] closed
//! ```

use patchall::Generator;

/// What is sent, and what is given for it.
type Consumer = Generator<u32, &'static str>;

/// Says so when it goes out of scope.
struct Farewell;

impl Drop for Farewell {
    fn drop(&mut self) {
        println!("[consumer] closed");
    }
}

fn consumer() -> Consumer {
    Generator::new(|y| {
        let _farewell = Farewell;
        let mut n = y.yield_("ready");
        loop {
            println!("[consumer]<-- {n}");
            n = y.yield_("ok");
        }
    })
}

fn producer(mut consumer: Consumer) {
    // Up to its first `yield_`, where it waits to be sent something. (In Python: the first `next`.)
    consumer.start();
    for n in 1..=10 {
        println!("[producer]--> {n}");
        let answer = consumer.send(n).expect("the consumer has no end of its own");
        println!("[producer] consumer return: {answer}");
    }
    // Unwinds the consumer from its `yield_`.
    consumer.close();
}

fn main() {
    producer(consumer());
}
