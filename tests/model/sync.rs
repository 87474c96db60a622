//! `crate::sync` for the protocol files: loom's atomics, and its mutex for the spin lock.
//!
//! loom takes a sequentially consistent access for an acquiring or releasing one, and knows the total order of fences only
//! (its documentation says so). So such an access is here what compilers make of it for x86-64: a load with a fence before it,
//! and for a store an exchange, with fences around it.

use loom::sync::atomic;
pub(crate) use loom::sync::atomic::{Ordering, fence};
use loom::sync::{Mutex, MutexGuard};
use std::sync::atomic::Ordering::SeqCst;

macro_rules! atomics {
    ($($name:ident $inner:ty, $value:ty;)*) => {$(
        #[derive(Default)]
        pub(crate) struct $name($inner);

        #[allow(dead_code)]
        impl $name {
            pub(crate) fn new(v: $value) -> Self {
                $name(<$inner>::new(v))
            }

            pub(crate) fn load(&self, o: Ordering) -> $value {
                fence_for(o);
                self.0.load(o)
            }

            pub(crate) fn store(&self, v: $value, o: Ordering) {
                if o == SeqCst {
                    self.swap(v, o);
                } else {
                    self.0.store(v, o);
                }
            }

            pub(crate) fn swap(&self, v: $value, o: Ordering) -> $value {
                both(o, || self.0.swap(v, o))
            }

            pub(crate) fn compare_exchange(&self, a: $value, b: $value, o: Ordering, f: Ordering) -> Result<$value, $value> {
                both(o, || self.0.compare_exchange(a, b, o, f))
            }

            pub(crate) fn fetch_or(&self, v: $value, o: Ordering) -> $value {
                both(o, || self.0.fetch_or(v, o))
            }

            pub(crate) fn fetch_and(&self, v: $value, o: Ordering) -> $value {
                both(o, || self.0.fetch_and(v, o))
            }
        }
    )*};
}
atomics! {
    AtomicBool atomic::AtomicBool, bool;
    AtomicU32 atomic::AtomicU32, u32;
    AtomicU64 atomic::AtomicU64, u64;
    AtomicUsize atomic::AtomicUsize, usize;
}

impl AtomicUsize {
    pub(crate) fn fetch_add(&self, v: usize, o: Ordering) -> usize {
        both(o, || self.0.fetch_add(v, o))
    }

    pub(crate) fn fetch_sub(&self, v: usize, o: Ordering) -> usize {
        both(o, || self.0.fetch_sub(v, o))
    }
}

fn fence_for(o: Ordering) {
    if o == SeqCst {
        fence(SeqCst);
    }
}

fn both<T>(o: Ordering, f: impl FnOnce() -> T) -> T {
    fence_for(o);
    let v = f();
    fence_for(o);
    v
}

/// The spin lock's interface.
pub(crate) struct Spin<T>(Mutex<T>);
pub(crate) type SpinGuard<'a, T> = MutexGuard<'a, T>;

impl<T> Spin<T> {
    pub(crate) fn new(v: T) -> Self {
        Spin(Mutex::new(v))
    }

    pub(crate) fn lock(&self) -> SpinGuard<'_, T> {
        self.0.lock().expect("a model panics as a whole")
    }

    /// # Safety
    /// Never called in a model: there is no fork.
    pub(crate) unsafe fn reset(&self) {}
}

/// Without the `const` that it has in the engine.
macro_rules! const_fn {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => {
        $(#[$attribute])*
        $visibility fn $($rest)*
    };
}
pub(crate) use const_fn;
