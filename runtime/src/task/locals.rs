//! One value for each coroutine.

use super::local;
use std::any::{Any, TypeId};
use std::fmt;
use std::rc::Rc;

/// A value that each coroutine has for itself, made by [`local!`](crate::local).
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
}

impl<T: 'static> LocalKey<T> {
    /// For [`local!`](crate::local).
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> Self {
        LocalKey { init }
    }

    /// Calls `f` with the value of the coroutine that runs, made at first use and dropped when the coroutine ends.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        let key = std::ptr::from_ref(self).addr();
        let task = local::own().current();
        let known = task.with_extra(|e| e.locals.get(&key).cloned());
        let value = known.unwrap_or_else(|| {
            let new: Rc<dyn Any> = Rc::new((self.init)());
            task.with_extra(|e| e.locals.insert(key, new.clone()));
            new
        });
        match value.downcast_ref() {
            Some(value) => f(value),
            None => unreachable!("the address of a key stands for its type"),
        }
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKey")
    }
}

/// A value of a type that the coroutine which runs has for itself, made at first use.
pub(crate) fn local_of_task<T: 'static>(init: impl FnOnce() -> T) -> Rc<T> {
    let task = local::own().current();
    let known = task.with_extra(|e| e.own.get(&TypeId::of::<T>()).cloned());
    let known = known.and_then(|known| known.downcast().ok());
    known.unwrap_or_else(|| {
        let new = Rc::new(init());
        task.with_extra(|e| e.own.insert(TypeId::of::<T>(), new.clone()));
        new
    })
}

/// Declares values that each coroutine has for itself, as [`thread_local!`](std::thread_local) does for threads. The thread
/// itself has one, too. (gevent: `gevent.local`.)
///
/// ```
/// use std::cell::Cell;
///
/// patchall::local! {
///     static VISITS: Cell<u32> = Cell::new(0);
/// }
///
/// let visit = || VISITS.with(|v| { v.set(v.get() + 1); v.get() });
/// visit();
/// assert_eq!(visit(), 2);
/// assert_eq!(patchall::spawn(visit).join().unwrap(), 1);
/// ```
#[macro_export]
macro_rules! local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr);+ $(;)?) => {$(
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> = $crate::task::LocalKey::new({
            fn init() -> $type {
                $init
            }
            init
        });
    )+};
}
