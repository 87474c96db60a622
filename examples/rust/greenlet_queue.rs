//! Producer and consumer as greenlets, with a queue between them: the value of the first switch to each is its name.
//!
//! ```text
//! [producer: factory]--> 1
//! [consumer: customer]<-- 1
//! [producer: factory]--> 2
//! [consumer: customer]<-- 2
//! …
//! [producer: factory]--> 10
//! [consumer: customer]<-- 10
//! =====use time is: 0.0 s
//! ```

use patchall::Greenlet;
use patchall::sync::Queue;
use std::time::Instant;

fn main() {
    let begin = Instant::now();
    let queue = Queue::new();
    let producer = Greenlet::empty();
    let consumer = Greenlet::empty();
    producer.run({
        let (queue, consumer) = (queue.clone(), consumer.clone());
        move |name| {
            for n in 1..=10 {
                println!("[producer: {name}]--> {n}");
                queue.put(n).expect("nobody closes the queue");
                consumer.switch("customer");
            }
            name
        }
    });
    consumer.run({
        let producer = producer.clone();
        move |name| {
            for n in &queue {
                println!("[consumer: {name}]<-- {n}");
                producer.switch("");
            }
            name
        }
    });

    // The producer's end leads back here, with what it returned.
    assert_eq!(producer.switch("factory"), "factory");
    println!("=====use time is: {:.1} s", begin.elapsed().as_secs_f64());
}
