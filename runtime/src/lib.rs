//! Virtual threads below glibc, and the coroutines built on the same scheduler.

pub mod config;
