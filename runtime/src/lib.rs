//! Virtual threads below glibc, and the coroutines built on the same scheduler.

#[doc(hidden)]
pub mod gate;
#[doc(hidden)]
pub mod sys;
