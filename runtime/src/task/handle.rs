//! What is left in the hands of those who start coroutines.

use super::end::{Deadlock, Killed};
use super::record::{OnSignal, State, Task, Wake, What};
use super::scheduler::Wait;
use super::timeout::Elapsed;
use super::waiters::wait_until;
use super::{NEVER, local};
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::thread::Result;
use std::time::Duration;

/// What a coroutine came to, until somebody takes it.
pub(super) type Outcome<T> = Rc<Cell<Option<Result<T>>>>;

/// A coroutine that was started. Dropping it lets the coroutine go on by itself.
///
/// It stays in the thread of its coroutine:
///
/// ```compile_fail
/// let c = patchall::spawn(|| 1);
/// std::thread::spawn(move || c.join());
/// ```
///
/// It is also a future, which completes when the coroutine ends: see [`block_on`](crate::block_on).
pub struct JoinHandle<T> {
    task: Rc<Task>,
    outcome: Outcome<T>,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(task: Rc<Task>, outcome: Outcome<T>) -> Self {
        JoinHandle { task, outcome }
    }

    /// Waits until the coroutine has ended, while others run, and gives what it returned.
    ///
    /// ```
    /// let sum = patchall::spawn(|| 1 + 2);
    /// assert_eq!(sum.join().unwrap(), 3);
    ///
    /// let bad = patchall::spawn(|| { None::<u32>.expect("a number") });
    /// # std::panic::set_hook(Box::new(|_| {}));
    /// let payload = bad.join().unwrap_err();
    /// assert_eq!(payload.downcast_ref::<String>().unwrap(), "a number");
    /// ```
    ///
    /// # Errors
    /// The payload of its panic, as [`std::thread::JoinHandle::join`] does; [`Killed`] if it was killed; [`Deadlock`] when
    /// no coroutine of this thread can ever run again, or the coroutine joins itself.
    pub fn join(self) -> Result<T> {
        match self.wait(NEVER) {
            Ok(()) => self.take(),
            Err(error) => Err(error),
        }
    }

    /// As [`JoinHandle::join`], for a limited time.
    ///
    /// # Errors
    /// The handle, when the time has passed.
    pub fn join_timeout(self, limit: Duration) -> std::result::Result<Result<T>, Self> {
        match self.wait(super::after(limit)) {
            Ok(()) => Ok(self.take()),
            Err(e) if e.is::<Elapsed>() => Err(self),
            Err(e) => Ok(Err(e)),
        }
    }

    /// Waits for the end.
    pub(super) fn wait(&self, deadline: u64) -> std::result::Result<(), Box<dyn Any + Send>> {
        let task = &*self.task;
        if task.state.get() == State::Finished {
            return Ok(());
        }
        let s = local::own();
        if s.is_closing() || std::ptr::eq(task, s.here()) {
            return Err(Box::new(Deadlock::of(task)));
        }
        let ended = |_: &mut _| (task.state.get() == State::Finished).then_some(());
        let wait = Wait {
            what: What("the end of coroutine", task.id),
            deadline,
            on_signal: OnSignal::Ignore,
            outside: false,
            firm: false,
        };
        match wait_until(&task.joiners, |list| list, ended, wait) {
            Ok(()) => Ok(()),
            Err(Wake::Timeout) => Err(Box::new(Elapsed(()))),
            Err(Wake::Stuck) => Err(Box::new(Deadlock::new(s))),
            Err(other) => super::interrupted(other),
        }
    }

    fn take(&self) -> Result<T> {
        self.outcome.take().unwrap_or_else(|| Err(Box::new(Killed(()))))
    }

    /// Whether it has ended: [`JoinHandle::join`] will not wait.
    pub fn is_finished(&self) -> bool {
        self.task.state.get() == State::Finished
    }

    /// Has it unwind from where it waits, at the next switch; one that has not begun never does. It may catch the panic, whose
    /// payload is [`Killed`], and is killed again where it waits next. One that has ended stays as it is.
    ///
    /// A coroutine that kills itself unwinds where it waits next.
    ///
    /// ```
    /// use patchall::{Killed, sleep, spawn, yield_now};
    /// let c = spawn(|| sleep(std::time::Duration::from_secs(1000)));
    /// yield_now();
    /// c.kill();
    /// assert!(c.join().unwrap_err().is::<Killed>());
    /// ```
    pub fn kill(&self) {
        local::own().kill(&self.task);
    }

    /// Calls `f` with what the coroutine came to, when it ends and before anybody who joins it goes on; at once if it has
    /// ended and nobody took that. (gevent: `link`.) The coroutine itself makes the call, or who kills it before its first
    /// turn.
    ///
    /// ```
    /// let c = patchall::spawn(|| 5);
    /// c.on_finish(|r| println!("came to {r:?}"));
    /// assert_eq!(c.join().unwrap(), 5);
    /// ```
    pub fn on_finish(&self, f: impl FnOnce(&Result<T>) + 'static)
    where
        T: 'static,
    {
        let outcome = self.outcome.clone();
        let call = move || {
            let result = outcome.take().unwrap_or_else(|| Err(Box::new(Killed(()))));
            f(&result);
            outcome.set(Some(result));
        };
        if self.is_finished() {
            call();
        } else {
            self.task.with_extra(|e| e.on_finish.push(Box::new(call)));
        }
    }

    /// Its number: unique in the process, never used again.
    pub fn id(&self) -> u64 {
        self.task.id
    }

    /// Its name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.task.name.as_deref()
    }

    pub(super) fn task(&self) -> &Rc<Task> {
        &self.task
    }

    /// A handle to the same coroutine that takes nothing from this one.
    pub(crate) fn watch(&self) -> JoinHandle<()> {
        JoinHandle { task: self.task.clone(), outcome: Rc::default() }
    }

    /// Waits for the end, whatever it is.
    pub(crate) fn finish(&self) {
        if let Err(error) = self.wait(NEVER) {
            match error.downcast::<Deadlock>() {
                Ok(deadlock) => std::panic::panic_any(deadlock.to_string()),
                Err(other) => std::panic::resume_unwind(other),
            }
        }
    }

    /// Gives `f` what the coroutine comes to, in place of who joins it; as [`JoinHandle::on_finish`].
    pub(crate) fn hand_over(&self, f: impl FnOnce(Result<T>) + 'static)
    where
        T: 'static,
    {
        let outcome = self.outcome.clone();
        let call = move || f(outcome.take().unwrap_or_else(|| Err(Box::new(Killed(())))));
        if self.is_finished() {
            call();
        } else {
            self.task.with_extra(|e| e.on_finish.push(Box::new(call)));
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if self.is_finished() {
            return Poll::Ready(self.take());
        }
        self.task.with_extra(|e| {
            if !e.wakers.iter().any(|w| w.will_wake(context.waker())) {
                e.wakers.push(context.waker().clone());
            }
        });
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinHandle({})", self.task)
    }
}
