//! A queue between a producer and a pool of consumers: the queue holds four orders, and three coroutines work at a time.
//!
//! ```text
//! order 1 is done
//! order 2 is done
//! order 3 is done
//! …
//! order 12 is done
//! 12 orders, at most 4 in the queue, at most 3 at work
//! use time is: 0.4 s
//! ```

use patchall::sync::{Pool, Queue};
use patchall::{sleep, spawn};
use std::cell::Cell;
use std::time::{Duration, Instant};

fn main() {
    let begin = Instant::now();
    let queue = Queue::bounded(4);
    let producer = spawn({
        let queue = queue.clone();
        move || {
            let mut longest = 0;
            for order in 1..=12 {
                // Waits for room when the consumers do not keep up.
                queue.put(order).expect("the queue is open");
                longest = longest.max(queue.len());
            }
            queue.close();
            longest
        }
    });

    // The coroutines of one thread run one at a time, so plain cells do.
    let (at_work, most) = (Cell::new(0), Cell::new(0));
    let pool = Pool::new(3);
    // `map` takes the next order when there is room in the pool, until the queue is closed and empty.
    let done = pool.map(&queue, |order| {
        at_work.set(at_work.get() + 1);
        most.set(most.get().max(at_work.get()));
        sleep(Duration::from_millis(100));
        println!("order {order} is done");
        at_work.set(at_work.get() - 1);
    });

    let longest = producer.join().unwrap();
    println!("{} orders, at most {longest} in the queue, at most {} at work", done.len(), most.get());
    println!("use time is: {:.1} s", begin.elapsed().as_secs_f64());
}
