//! Panics in threads: join tells, locks are poisoned, catch_unwind catches, destructors run, the process lives on.
// harness: stderr=contains:panicked at

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Noted;

impl Drop for Noted {
    fn drop(&mut self) {
        thread::sleep(Duration::from_micros(10));
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

fn dive(depth: usize) -> usize {
    let _noted = Noted;
    assert!(depth != 0, "at the bottom");
    dive(depth - 1) + 1
}

fn main() {
    let lock = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..20)
        .map(|own| {
            let lock = lock.clone();
            thread::spawn(move || {
                let caught = panic::catch_unwind(AssertUnwindSafe(|| dive(own)));
                let payload = caught.expect_err("it panics at the bottom");
                assert_eq!(payload.downcast_ref::<&str>(), Some(&"at the bottom"));
                let _guard = lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                panic!("number {own}");
            })
        })
        .collect();
    let mut messages: Vec<String> = threads
        .into_iter()
        .map(|thread| *thread.join().expect_err("each panics").downcast().expect("a message"))
        .collect();
    messages.sort();
    println!("{} panics, first {:?}, dropped {}", messages.len(), messages[0], DROPPED.load(Ordering::SeqCst));
    println!("poisoned {}", lock.is_poisoned());
}
