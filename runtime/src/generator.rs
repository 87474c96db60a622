//! Generators: functions that give value after value, and are resumed for each.
//!
//! A generator runs on a stack of its own, on behalf of whoever resumes it: while it sleeps or blocks, that coroutine does.
//!
//! ```text
//! resumer:   send(r) ──▶ resume(Send(r)) ─┐            ┌─▶ Some(y)
//! generator:             yield_(y0) ◀─────┘ ... yield_(y) ─┘
//! ```

use crate::task::{Stack, give_back, own};
use corosensei::{Coroutine, CoroutineResult, Yielder as Inner};
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a generator is resumed with.
enum Resume<R> {
    Send(R),
    /// The first time, when nobody waits for a value.
    Start,
    Throw(Box<dyn Any + Send>),
}

/// The payload that unwinds a generator which is closed or dropped before its end. (Python: `GeneratorExit`.)
#[derive(Debug)]
pub struct Closed(());

/// What a generator's function is given: the way to give values.
#[repr(transparent)]
pub struct Yielder<R, Y>(Inner<Resume<R>, Y>);

impl<R, Y> Yielder<R, Y> {
    /// Gives a value to who resumed the generator, and waits to be resumed with another. (`yield` is a reserved word.)
    #[inline]
    pub fn yield_(&self, value: Y) -> R {
        match self.0.suspend(value) {
            Resume::Send(value) => value,
            Resume::Throw(payload) => resume_unwind(payload),
            Resume::Start => unreachable!("started once"),
        }
    }
}

impl<R, Y> fmt::Debug for Yielder<R, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Yielder")
    }
}

type Body<R, Y, T> = Coroutine<Resume<R>, Y, std::thread::Result<T>, Stack>;

/// A function that gives values of type `Y`, is sent values of type `R` for them, and returns a `T` in the end.
///
/// It is an iterator if what it is sent has a default, as `()` does:
///
/// ```
/// use patchall::generator;
/// let squares = generator(|y| for i in 1.. { y.yield_(i * i) });
/// let mut few = Vec::new();
/// for x in squares {
///     if x > 20 { break }
///     few.push(x);
/// }
/// assert_eq!(few, [1, 4, 9, 16]);
/// ```
///
/// Values go both ways, as by Python's `send`:
///
/// ```
/// use patchall::Generator;
/// let mut consumer = Generator::new(|y| {
///     let mut n: u32 = y.yield_(String::new());
///     loop {
///         n = y.yield_(format!("got {n}"));
///     }
///     # #[allow(unreachable_code)] ()
/// });
/// consumer.start();
/// assert_eq!(consumer.send(1).unwrap(), "got 1");
/// assert_eq!(consumer.send(2).unwrap(), "got 2");
/// consumer.close();
/// ```
///
/// One that is dropped before its end unwinds from where it is. It stays in its thread, since it may hold anything on its
/// stack:
///
/// ```compile_fail
/// let numbers = patchall::generator(|y| y.yield_(1));
/// std::thread::spawn(move || numbers.count());
/// ```
pub struct Generator<R, Y, T = ()> {
    body: Option<Body<R, Y, T>>,
    started: bool,
    returned: Option<T>,
}

/// A generator that is sent nothing: see [`Generator`].
///
/// # Panics
/// As [`Generator::new`].
pub fn generator<Y, T, F>(f: F) -> Generator<(), Y, T>
where
    F: FnOnce(&Yielder<(), Y>) -> T + 'static,
    Y: 'static,
    T: 'static,
{
    Generator::new(f)
}

impl<R: 'static, Y: 'static, T: 'static> Generator<R, Y, T> {
    /// A generator that will run `f`.
    ///
    /// # Panics
    /// When there is no memory for a stack.
    pub fn new<F>(f: F) -> Self
    where
        F: FnOnce(&Yielder<R, Y>) -> T + 'static,
    {
        let stack = own()
            .stack()
            .unwrap_or_else(|e| panic!("no stack for a generator: {}", std::io::Error::from_raw_os_error(e)));
        // corosensei moves it onto the stack.
        let f = Box::new(f);
        let body = Coroutine::with_stack(stack, move |inner: &Inner<Resume<R>, Y>, first| {
            // SAFETY: a transparent wrapper.
            let yielder = unsafe { &*std::ptr::from_ref(inner).cast::<Yielder<R, Y>>() };
            match first {
                Resume::Throw(payload) => Err(payload),
                Resume::Send(_) | Resume::Start => catch_unwind(AssertUnwindSafe(|| f(yielder))),
            }
        });
        Generator { body: Some(body), started: false, returned: None }
    }
}

impl<R, Y, T> Generator<R, Y, T> {
    /// Runs it up to its first value; `None`: it has returned without one. (Python: the first `next`.)
    ///
    /// # Panics
    /// As the function does; or when it has begun before.
    pub fn start(&mut self) -> Option<Y> {
        assert!(!self.started, "the generator has begun already: send() or next() resumes it");
        self.resume(Resume::Start)
    }

    /// Sends it a value, which its `yield_` gives, and runs it up to the next value of its own; `None`: it has returned, now
    /// or before.
    ///
    /// # Panics
    /// As the function does; or when it has not begun: nobody waits for a value then, so [`Generator::start`] it (or take
    /// `next`) first.
    #[inline]
    pub fn send(&mut self, value: R) -> Option<Y> {
        assert!(self.started, "a value sent to a generator that has not begun: start() it first");
        self.resume(Resume::Send(value))
    }

    /// Has its `yield_` panic with a payload, and runs it up to its next value if it catches that. One that has not begun or
    /// has returned is at its end.
    ///
    /// ```
    /// use patchall::{Generator, generator};
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    /// let mut stubborn = generator(|y| {
    ///     let caught = catch_unwind(AssertUnwindSafe(|| y.yield_(1)));
    ///     y.yield_(if caught.is_err() { 2 } else { 3 });
    /// });
    /// assert_eq!(stubborn.next(), Some(1));
    /// assert_eq!(stubborn.throw("stop"), Some(2));
    /// ```
    ///
    /// # Panics
    /// With the payload, if the generator does not catch it; as its function does.
    pub fn throw(&mut self, payload: impl Any + Send) -> Option<Y> {
        if self.body.is_none() {
            resume_unwind(Box::new(payload));
        }
        self.resume(Resume::Throw(Box::new(payload)))
    }

    /// Has it unwind to its end from where it is. Nothing happens to one that is at its end.
    ///
    /// # Panics
    /// When it gives another value instead (Python: `generator ignored GeneratorExit`); as its destructors do.
    pub fn close(&mut self) {
        if self.unwind().is_some() {
            panic!("a generator that was closed gave another value");
        }
    }

    /// Unwinds it. `Some`: it gave a value instead.
    fn unwind(&mut self) -> Option<Y> {
        if !self.started {
            // What it was to run is dropped.
            self.body = None;
        }
        self.body.as_ref()?;
        match catch_unwind(AssertUnwindSafe(|| self.resume(Resume::Throw(Box::new(Closed(())))))) {
            Ok(value) => value,
            Err(payload) if payload.is::<Closed>() => None,
            Err(payload) => resume_unwind(payload),
        }
    }

    #[inline]
    fn resume(&mut self, with: Resume<R>) -> Option<Y> {
        let body = self.body.as_mut()?;
        self.started = true;
        match body.resume(with) {
            CoroutineResult::Yield(value) => Some(value),
            CoroutineResult::Return(outcome) => self.end(outcome),
        }
    }

    #[cold]
    fn end(&mut self, outcome: std::thread::Result<T>) -> Option<Y> {
        if let Some(body) = self.body.take() {
            give_back(body.into_stack());
        }
        match outcome {
            Ok(value) => self.returned = Some(value),
            Err(payload) => resume_unwind(payload),
        }
        None
    }

    /// Whether it has returned, or was closed.
    pub fn is_finished(&self) -> bool {
        self.body.is_none()
    }

    /// Takes what it returned. (Python: `StopIteration.value`.)
    ///
    /// ```
    /// let mut words = patchall::generator(|y| { y.yield_("one"); 1 });
    /// assert_eq!(words.by_ref().collect::<Vec<_>>(), ["one"]);
    /// assert_eq!(words.returned(), Some(1));
    /// ```
    pub fn returned(&mut self) -> Option<T> {
        self.returned.take()
    }
}

impl<R: Default, Y, T> Iterator for Generator<R, Y, T> {
    type Item = Y;

    /// Starts it, or resumes it with the default value. (Python: `next`.)
    #[inline]
    fn next(&mut self) -> Option<Y> {
        self.resume(Resume::Send(R::default()))
    }
}

/// How often a generator that is dropped may go on instead of unwinding, before it is forgotten with its stack.
const PATIENCE: usize = 100;

impl<R, Y, T> Drop for Generator<R, Y, T> {
    fn drop(&mut self) {
        for _ in 0..PATIENCE {
            if self.unwind().is_none() {
                return;
            }
        }
        std::mem::forget(self.body.take());
    }
}

impl<R, Y, T> fmt::Debug for Generator<R, Y, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.started, self.is_finished()) {
            (_, true) => "finished",
            (false, _) => "not begun",
            (true, _) => "suspended",
        };
        write!(f, "Generator({state})")
    }
}
