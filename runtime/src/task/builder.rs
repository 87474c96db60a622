//! Starting coroutines.

use super::handle::Outcome;
use super::record::{New, Task};
use super::stack::Stack;
use super::{JoinHandle, local, sleep};
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

/// Starts `f` as a coroutine of this thread. It runs at the next switch.
///
/// ```
/// let words = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
/// let theirs = words.clone();
/// let child = patchall::spawn(move || theirs.borrow_mut().push("coroutine"));
/// words.borrow_mut().push("thread");
/// child.join().unwrap();
/// assert_eq!(*words.borrow(), ["thread", "coroutine"]);
/// ```
///
/// # Panics
/// When there is no memory for a stack ([`Builder::spawn`] gives an error instead), and in destructors of thread-locals
/// that run after the thread's scheduler has ended.
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    // SAFETY: nothing is borrowed.
    let launched = unsafe { Builder::new().launch(f, Location::caller()) };
    launched.unwrap_or_else(|e| panic!("no stack for a coroutine: {e}")).0
}

/// As [`spawn`], after a delay.
///
/// # Panics
/// As [`spawn`].
#[track_caller]
pub fn spawn_later<F, T>(delay: Duration, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    spawn(move || {
        sleep(delay);
        f()
    })
}

/// Starts a coroutine with a name, a stack of some size, a priority.
///
/// ```
/// use patchall::task::Builder;
/// let c = Builder::new().name("deep").stack_size(8 << 20).priority(1).spawn(|| 5).unwrap();
/// assert_eq!(c.name(), Some("deep"));
/// assert_eq!(c.join().unwrap(), 5);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    name: Option<Box<str>>,
    stack_size: Option<usize>,
    priority: i32,
}

impl Builder {
    /// Nothing set.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the coroutine, for messages.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = Some(name.into().into_boxed_str()).filter(|n| !n.is_empty());
        self
    }

    /// Bytes of stack, rounded up to a power of two, at least 16 KiB; 256 KiB if this is not called. Only what is touched
    /// takes memory.
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// Of those that are ready, one with a higher priority runs first, whatever its place in the queue; 0 if this is not
    /// called. One that is always ready keeps all with lower priorities from running.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Builder {
        self.priority = priority;
        self
    }

    /// As [`spawn`].
    ///
    /// # Errors
    /// ENOMEM: no memory for a stack, or one of more than 64 GiB was asked for.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        // SAFETY: nothing is borrowed.
        Ok(unsafe { self.launch(f, Location::caller())? }.0)
    }

    /// Starts it.
    ///
    /// # Safety
    /// What `f` borrows, and `T`, live until the coroutine has ended; if it is forgotten, for ever.
    pub(super) unsafe fn launch<F, T>(
        self,
        f: F,
        from: &'static Location<'static>,
    ) -> io::Result<(JoinHandle<T>, Outcome<T>)>
    where
        F: FnOnce() -> T,
    {
        let scheduler = local::own();
        let stack = match self.stack_size {
            None => scheduler.stack(),
            Some(size) => Stack::take(size),
        };
        let stack = stack.map_err(io::Error::from_raw_os_error)?;
        let outcome: Outcome<T> = Rc::new(Cell::new(None));
        let theirs = outcome.clone();
        let id = scheduler.new_id();
        let parent = scheduler.here().id;
        let new = New { id, name: self.name, parent, spawned: from, priority: self.priority };
        // corosensei moves the closure onto the stack, if it is not too large for that.
        const MOST: usize = 512;
        let run = move |task: &Task, f: &mut dyn FnMut() -> T| {
            theirs.set(Some(catch_unwind(AssertUnwindSafe(f))));
            super::run_finishers(task);
        };
        // SAFETY: by contract.
        let task = unsafe {
            if size_of::<F>() <= MOST {
                let body = move |task: &Task| run(task, &mut once(f));
                Task::new(new, stack, body)
            } else {
                let f = Box::new(f);
                let body = move |task: &Task| run(task, &mut once(f));
                Task::new(new, stack, body)
            }
        };
        scheduler.start(task.clone());
        Ok((JoinHandle::new(task, outcome.clone()), outcome))
    }
}

/// A function that may be called once, as one that is called once.
fn once<T>(f: impl FnOnce() -> T) -> impl FnMut() -> T {
    let mut f = Some(f);
    move || match f.take() {
        Some(f) => f(),
        None => unreachable!("called once"),
    }
}
