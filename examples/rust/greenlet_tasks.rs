//! Greenlets switch when they are told to, and only then: while a task sleeps, the other waits too.
//!
//! The second task never comes to its end: nobody switches back to it.
//!
//! ```text
//! task1 start ----> 0.0 s
//! task2 start ----> 0.0 s
//! task1 end ----> 1.0 s
//! =====use time is: 1.0 s
//! ```

use patchall::{Greenlet, sleep};
use std::time::{Duration, Instant};

fn main() {
    let begin = Instant::now();
    let time = move || begin.elapsed().as_secs_f64();

    let task1 = Greenlet::empty();
    let task2 = Greenlet::empty();
    task1.run({
        let task2 = task2.clone();
        move |()| {
            println!("task1 start ----> {:.1} s", time());
            task2.switch(());
            // A greenlet has no turn of its own: this puts to sleep whoever switched to it, that is, main.
            sleep(Duration::from_secs(1));
            println!("task1 end ----> {:.1} s", time());
        }
    });
    task2.run({
        let task1 = task1.clone();
        move |()| {
            println!("task2 start ----> {:.1} s", time());
            task1.switch(());
            unreachable!("nobody switches back");
        }
    });

    task1.switch(());
    println!("=====use time is: {:.1} s", time());
}
