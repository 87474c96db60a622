//! gevent, greenlet and generators for Rust; and the engine that turns a program's threads into virtual ones.
//!
//! ```
//! use patchall::{join_all, sleep, spawn};
//! use std::time::{Duration, Instant};
//!
//! let begin = Instant::now();
//! let naps = [30, 10, 20].map(|ms| spawn(move || {
//!     sleep(Duration::from_millis(ms));
//!     println!("{ms} ms");
//! }));
//! join_all(naps); // 10, 20, 30: and it takes as long as the longest
//! ```
//!
//! | | |
//! |---|---|
//! | coroutines: [`spawn`], [`join_all`], [`scope`], [`sleep`], [`Timeout`] .. | [`task`] |
//! | generators and greenlets | [`Generator`], [`Greenlet`] |
//! | events, queues, pools, locks | [`sync`] |
//! | sockets and servers | [`net`] |
//! | `async` code | [`block_on`] |
//! | making std and C libraries yield | [`monkey`] |
//! | looking inside | [`debug`] |
//!
//! New here? [`guide::from_gevent`], [`guide::from_threads`], [`guide::what_yields`].
//!
//! The engine's layers, top to bottom; data flows one way, and a lower layer never names a higher one's business:
//! `gate` (system calls inside libc come to us) → `abi` (what each call does) → `sched` (which thread runs where) →
//! `reactor` (descriptors), all on `sys` (the kernel), `mem` (memory of our own) and `arch` (the processor). Light
//! coroutines (`task`) are schedulers within threads, and know none of these.

mod abi;
mod arch;
mod between;
mod child;
pub mod config;
pub mod debug;
mod futures;
#[doc(hidden)]
pub mod gate;
mod generator;
mod greenlet;
pub mod guide;
pub mod hooks;
mod libc_state;
mod mem;
pub mod monkey;
pub mod net;
mod own_stack;
pub mod process;
mod reactor;
mod sched;
pub mod sync;
#[doc(hidden)]
pub mod sys;
pub mod task;

pub use futures::block_on;
pub use generator::{Closed, Generator, Yielder, generator};
pub use greenlet::{Greenlet, GreenletExit};
pub use net::{StreamServer, resolve, wait_readable, wait_writable};
pub use sync::{ThreadPool, blocking};
pub use task::{
    Builder, Current, Deadlock, Elapsed, JoinHandle, Killed, Timeout, current, join_all, join_all_timeout, park,
    park_timeout, scope, select_finished, sleep, spawn, spawn_later, yield_now,
};
#[cfg(test)]
mod testing;
