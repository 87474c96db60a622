//! Virtual threads below glibc, and the coroutines built on the same scheduler.
//!
//! The layers, top to bottom; data flows one way, and a lower layer never names a higher one's business:
//! `gate` (system calls inside libc come to us) → `abi` (what each call does) → `sched` (which thread runs where) →
//! `reactor` (descriptors), all on `sys` (the kernel), `mem` (memory of our own) and `arch` (the processor).

mod abi;
mod arch;
mod between;
pub mod config;
pub mod debug;
mod futures;
#[doc(hidden)]
pub mod gate;
mod generator;
mod greenlet;
pub mod hooks;
mod libc_state;
mod mem;
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
