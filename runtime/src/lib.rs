//! Virtual threads below glibc, and the coroutines built on the same scheduler.
//!
//! The layers, top to bottom; data flows one way, and a lower layer never names a higher one's business:
//! `gate` (system calls inside libc come to us) → `abi` (what each call does) → `sched` (which thread runs where) →
//! `reactor` (descriptors), all on `sys` (the kernel), `mem` (memory of our own) and `arch` (the processor).

mod abi;
mod arch;
pub mod config;
#[doc(hidden)]
pub mod gate;
pub mod hooks;
mod libc_state;
mod mem;
mod own_stack;
pub mod process;
mod reactor;
mod sched;
mod sync;
#[doc(hidden)]
pub mod sys;
pub mod task;

pub use task::{Current, Deadlock, JoinHandle, Killed, current, join_all, sleep, spawn, yield_now};
#[cfg(test)]
mod testing;
