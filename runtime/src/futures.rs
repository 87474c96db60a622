//! `async` code inside coroutines, and coroutines inside `async` code, without a second executor.
//!
//! A [`JoinHandle`](crate::JoinHandle) is a future; [`block_on`] runs futures in a coroutine, which waits while they do.

use crate::task::{Unparker, park_outside};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

/// Runs a future to its end; the coroutine waits, and others run, while the future does. What wakes the future may do so from
/// any thread. Nothing here drives timers or descriptors of an `async` runtime; coroutines do, and they are futures:
///
/// ```
/// use patchall::{block_on, sleep, spawn};
/// use std::time::Duration;
///
/// async fn sum(n: u32) -> u32 {
///     let slow = spawn(move || { sleep(Duration::from_millis(1)); n });
///     let quick = spawn(|| 1);
///     slow.await.unwrap() + quick.await.unwrap()
/// }
/// assert_eq!(block_on(sum(4)), 5);
/// let inside = spawn(|| block_on(sum(5)));
/// assert_eq!(inside.join().unwrap(), 6);
/// ```
///
/// # Panics
/// As the future does; and unwinds when the coroutine is killed.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Unparker::new().into_waker();
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        park_outside();
    }
}
