//! The two forms of what coroutines wait for: for one thread's, and for any thread's.

use crate::task::{Guard, Wait};
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

/// For the coroutines of one thread: no atomics, no locks, and a wait that can never end is seen.
#[derive(Debug)]
pub enum Local {}

/// For coroutines of different threads: may be sent and shared as far as what it holds may.
#[derive(Debug)]
pub enum Shared {}

/// [`Local`] or [`Shared`]; nothing else can be.
pub trait Kind: sealed::Form {}

impl Kind for Local {}
impl Kind for Shared {}

pub(crate) mod sealed {
    use super::*;

    /// What the two are made of.
    pub trait Form: Sized + 'static {
        /// A cell that a state is in.
        type Cell<S>: AnyCell<S>;
        /// A pointer that several have.
        type Ptr<X>: Clone + Deref<Target = X>;
        /// Whether another thread may end a wait.
        const OUTSIDE: bool;
        fn pointer<X>(x: X) -> Self::Ptr<X>;
    }

    /// What guards a state.
    pub trait AnyCell<S> {
        fn make(state: S) -> Self;
        fn reach<R>(&self, f: impl FnOnce(&mut S) -> R) -> R;
    }
}

impl sealed::Form for Local {
    type Cell<S> = RefCell<S>;
    type Ptr<X> = Rc<X>;
    const OUTSIDE: bool = false;

    fn pointer<X>(x: X) -> Rc<X> {
        Rc::new(x)
    }
}

impl sealed::Form for Shared {
    type Cell<S> = Mutex<S>;
    type Ptr<X> = Arc<X>;
    const OUTSIDE: bool = true;

    fn pointer<X>(x: X) -> Arc<X> {
        Arc::new(x)
    }
}

impl<S> sealed::AnyCell<S> for RefCell<S> {
    fn make(state: S) -> Self {
        RefCell::new(state)
    }

    #[inline]
    fn reach<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        f(&mut self.borrow_mut())
    }
}

impl<S> sealed::AnyCell<S> for Mutex<S> {
    fn make(state: S) -> Self {
        Mutex::new(state)
    }

    #[inline]
    fn reach<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        f(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A state in the cell of its form.
pub(super) struct Cell<S, K: Kind>(K::Cell<S>);

impl<S, K: Kind> Cell<S, K> {
    pub(super) fn new(state: S) -> Self {
        Cell(sealed::AnyCell::make(state))
    }
}

impl<S, K: Kind> Guard<S> for Cell<S, K> {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        sealed::AnyCell::reach(&self.0, f)
    }
}

/// A state that several have.
pub(super) struct Ref<S, K: Kind>(K::Ptr<Cell<S, K>>);

impl<S, K: Kind> Ref<S, K> {
    pub(super) fn new(state: S) -> Self {
        Ref(K::pointer(Cell::new(state)))
    }
}

impl<S, K: Kind> Clone for Ref<S, K> {
    fn clone(&self) -> Self {
        Ref(self.0.clone())
    }
}

impl<S, K: Kind> Guard<S> for Ref<S, K> {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        self.0.with(f)
    }
}

/// A wait for something of a form.
pub(super) const fn wait<K: Kind>(what: &'static str, deadline: u64) -> Wait {
    Wait { outside: K::OUTSIDE, ..Wait::on(what).until(deadline) }
}
