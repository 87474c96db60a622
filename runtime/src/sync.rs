//! What coroutines share and wait for: see [`Event`], [`Semaphore`], [`Queue`], [`Pool`] and the others.
//!
//! Each comes in two forms. The usual one is for the coroutines of one thread: it costs no atomics, and when it is waited for in
//! vain, that is seen and reported as a [`Deadlock`](crate::Deadlock). The other one, made by `shared` and of type
//! `Event<Shared>` and so on, may be sent to other threads and waited for there, too.
//!
//! ```compile_fail
//! let event = patchall::sync::Event::new();
//! std::thread::spawn(move || event.set());
//! ```
//!
//! ```
//! let event = patchall::sync::Event::shared();
//! let theirs = event.clone();
//! std::thread::spawn(move || theirs.set());
//! event.wait();
//! ```

// The engine's own, under the same name: atomics and the lock, for the files that hold nothing but a protocol between threads.
//
// Those files (`sched::state`, `sched::waiter`, `sched::roles`, `reactor::kick`, `abi::futex::bucket`) name nothing of the
// engine beside each other and this; so the model checker (tests/model) compiles them as they are, with atomics and a lock
// of its own in the place of these.

pub use crate::between::*;

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
