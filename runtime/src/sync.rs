//! Atomics and the lock under one name, for the files that hold nothing but a protocol between threads.
//!
//! Those files (`sched::state`, `sched::waiter`, `sched::roles`, `reactor::kick`, `abi::futex::bucket`) name nothing of the
//! engine beside each other and this; so the model checker (tests/model) compiles them as they are, with atomics and a lock
//! of its own in the place of these.

pub(crate) use crate::sys::spin::{Spin, SpinGuard};
pub(crate) use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

/// A function that is `const` here, for statics; the model checker's atomics cannot be made in a constant.
macro_rules! const_fn {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => {
        $(#[$attribute])*
        $visibility const fn $($rest)*
    };
}
pub(crate) use const_fn;
