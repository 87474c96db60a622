//! Coroutines that borrow from the one that starts them.
//!
//! Unsafe: a scope's coroutines and what they come to are kept with the lifetimes of what they borrow taken away. [`scope`] does not return before
//! all of them have ended, whatever happens to it: kills and time limits of the caller are passed on to them first.

use super::record::{State, Task, Wake, What};
use super::scheduler::Wait;
use super::waiters::wait_until;
use super::{Builder, JoinHandle, local};
use std::cell::{Cell, RefCell};
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::thread::Result;

/// Where coroutines that borrow are started: see [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    children: RefCell<Vec<Child>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

struct Child {
    task: Rc<Task>,
    /// Dropped before the scope ends.
    outcome: Rc<dyn Unclaimed>,
}

/// What a coroutine came to, whatever its type.
trait Unclaimed {
    /// It panicked, and nobody has been told.
    fn panicked(&self) -> bool;
}

impl<T> Unclaimed for Cell<Option<Result<T>>> {
    fn panicked(&self) -> bool {
        let outcome = self.take();
        let panicked = matches!(&outcome, Some(Err(payload)) if !payload.is::<super::Killed>());
        self.set(outcome);
        panicked
    }
}

/// Calls `f`, which may start coroutines that borrow what lives longer than the scope, and waits for all of them.
///
/// ```
/// let mut words = vec!["a"];
/// let mut count = 0;
/// patchall::scope(|s| {
///     s.spawn(|| words.push("b"));
///     s.spawn(|| count += 1);
/// });
/// assert_eq!((words.len(), count), (2, 1));
/// ```
///
/// When the caller is killed or its time is up while it waits, the coroutines of the scope are killed.
///
/// What is borrowed has to outlive the scope:
///
/// ```compile_fail
/// patchall::scope(|s| {
///     let inner = 5;
///     s.spawn(|| println!("{inner}"));
/// });
/// ```
///
/// # Panics
/// As `f` does; or when one of the coroutines panicked and was not joined, or none of them can ever run again.
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope { children: RefCell::default(), scope: PhantomData, env: PhantomData };
    let outcome = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    let interrupted = scope.wait(false);
    if interrupted.is_some() {
        scope.kill();
        while scope.wait(true).is_some() {
            scope.kill();
        }
    }
    let panicked = scope.children.take().iter().any(|c| c.outcome.panicked());
    match (outcome, interrupted) {
        (Err(payload), _) => resume_unwind(payload),
        (_, Some(woken)) => super::interrupted(woken),
        _ if panicked => panic!("a coroutine of the scope panicked"),
        (Ok(value), None) => value,
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Starts a coroutine that ends before the scope does.
    ///
    /// # Panics
    /// When there is no memory for a stack.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + 'scope,
        T: 'scope,
    {
        self.spawn_with(Builder::new(), f).unwrap_or_else(|e| panic!("no stack for a coroutine: {e}"))
    }

    /// As [`Scope::spawn`], with a name and other things set.
    ///
    /// # Errors
    /// As [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_with<F, T>(&'scope self, builder: Builder, f: F) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + 'scope,
        T: 'scope,
    {
        // SAFETY: the scope ends after the coroutine has, or is forgotten with the stack that it is on: see the header.
        let (handle, outcome) = unsafe { builder.launch(f, Location::caller())? };
        let outcome: Rc<dyn Unclaimed + 'scope> = outcome;
        // SAFETY: `scope` drops it, while `'scope` lasts.
        let outcome = unsafe { std::mem::transmute::<Rc<dyn Unclaimed + 'scope>, Rc<dyn Unclaimed>>(outcome) };
        let mut children = self.children.borrow_mut();
        if children.len() == children.capacity() {
            children.retain(|c| c.task.state.get() != State::Finished || c.outcome.panicked());
        }
        children.push(Child { task: handle.task().clone(), outcome });
        Ok(ScopedJoinHandle { handle, scope: PhantomData })
    }

    fn kill(&self) {
        let tasks: Vec<_> = self.children.borrow().iter().map(|c| c.task.clone()).collect();
        tasks.iter().for_each(|t| local::own().kill(t));
    }

    /// Waits for all. `Some`: what ended the wait before.
    fn wait(&self, firm: bool) -> Option<Wake> {
        loop {
            let next =
                self.children.borrow().iter().find(|c| c.task.state.get() != State::Finished).map(|c| c.task.clone());
            let task = next?;
            let wait = Wait { what: What("the end of coroutine", task.id), firm, ..Wait::on("") };
            let ended = |_: &mut _| (task.state.get() == State::Finished).then_some(());
            if let Err(woken) = wait_until(&task.joiners, |list| list, ended, wait) {
                return Some(woken);
            }
        }
    }
}

/// A coroutine of a [`scope`]. It has all that a [`JoinHandle`] has.
#[derive(Debug)]
pub struct ScopedJoinHandle<'scope, T> {
    handle: JoinHandle<T>,
    scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// As [`JoinHandle::join`].
    ///
    /// # Errors
    /// As [`JoinHandle::join`].
    pub fn join(self) -> Result<T> {
        self.handle.join()
    }
}

impl<T> Deref for ScopedJoinHandle<'_, T> {
    type Target = JoinHandle<T>;

    fn deref(&self) -> &JoinHandle<T> {
        &self.handle
    }
}
