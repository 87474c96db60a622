//! Generators: functions that give value after value, and are resumed for each.
//!
//! A generator runs on a stack of its own, on behalf of whoever resumes it: while it sleeps or blocks, that coroutine does.
//!
//! ```text
//! resumer:   send(r) ─┐ resume              ┌─▶ Some(y)
//! generator:          └─▶ r = yield_(y0) .. yield_(y) suspends
//! ```
//!
//! Unsafe: values are passed in slots of which one side knows that they are full.

use crate::task::{Stack, give_back, own};
use corosensei::{Coroutine, CoroutineResult, Yielder as Inner};
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Where values lie while they are passed. Nothing but a flag goes through the switch, in a register: whether something is
/// thrown. (A message of several words would be written to memory in parts and read as a whole, which costs more than the
/// switch.)
struct Slots<R, Y> {
    /// Full when the generator is resumed by a value, until it takes that.
    input: UnsafeCell<MaybeUninit<R>>,
    /// Full when the generator has suspended, until its resumer takes that.
    output: UnsafeCell<MaybeUninit<Y>>,
    thrown: Cell<Option<Box<dyn Any + Send>>>,
}

/// The payload that unwinds a generator which is closed or dropped before its end. (Python: `GeneratorExit`.)
#[derive(Debug)]
pub struct Closed(());

/// What a generator's function is given: the way to give values.
pub struct Yielder<R, Y> {
    inner: *const Inner<bool, ()>,
    slots: *const Slots<R, Y>,
}

impl<R, Y> Yielder<R, Y> {
    /// Gives a value to who resumed the generator, and waits to be resumed with another. (`yield` is a reserved word.)
    #[inline(always)]
    pub fn yield_(&self, value: Y) -> R {
        // SAFETY: this exists while the generator's function runs; the slots live as long as its stack. See `Slots` for which
        // is full.
        unsafe {
            let slots = &*self.slots;
            (*slots.output.get()).write(value);
            if (*self.inner).suspend(()) {
                thrown(slots.thrown.take());
            }
            (*slots.input.get()).assume_init_read()
        }
    }
}

#[cold]
fn thrown(payload: Option<Box<dyn Any + Send>>) -> ! {
    resume_unwind(payload.unwrap_or_else(|| Box::new(Closed(()))))
}

impl<R, Y> fmt::Debug for Yielder<R, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Yielder")
    }
}

type Body<T> = Coroutine<bool, (), std::thread::Result<T>, Stack>;

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
    // Before the slots, which it uses.
    body: Option<Body<T>>,
    slots: Box<Slots<R, Y>>,
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
        let slots = Box::new(Slots {
            input: UnsafeCell::new(MaybeUninit::uninit()),
            output: UnsafeCell::new(MaybeUninit::uninit()),
            thrown: Cell::new(None),
        });
        let place: *const Slots<R, Y> = &raw const *slots;
        // corosensei moves the function onto the stack, where there is not room for any.
        let f = Box::new(f);
        let body = Coroutine::with_stack(stack, move |inner: &Inner<bool, ()>, thrown| {
            if thrown {
                // SAFETY: the slots live as long as the stack.
                return Err(unsafe { (*place).thrown.take() }.unwrap_or_else(|| Box::new(Closed(()))));
            }
            catch_unwind(AssertUnwindSafe(|| f(&Yielder { inner, slots: place })))
        });
        Generator { body: Some(body), slots, started: false, returned: None }
    }
}

impl<R, Y, T> Generator<R, Y, T> {
    /// Runs it up to its first value; `None`: it has returned without one. (Python: the first `next`.)
    ///
    /// # Panics
    /// As the function does; or when it has begun before.
    pub fn start(&mut self) -> Option<Y> {
        assert!(!self.started, "the generator has begun already: send() or next() resumes it");
        self.resume(false)
    }

    /// Sends it a value, which its `yield_` gives, and runs it up to the next value of its own; `None`: it has returned, now
    /// or before.
    ///
    /// # Panics
    /// As the function does; or when it has not begun: nobody waits for a value then, so [`Generator::start`] it (or take
    /// `next`) first.
    #[inline(always)]
    pub fn send(&mut self, value: R) -> Option<Y> {
        assert!(self.started, "a value sent to a generator that has not begun: start() it first");
        self.pass(value)
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
        self.raise(Box::new(payload))
    }

    fn raise(&mut self, payload: Box<dyn Any + Send>) -> Option<Y> {
        self.slots.thrown.set(Some(payload));
        self.resume(true)
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
        match catch_unwind(AssertUnwindSafe(|| self.raise(Box::new(Closed(()))))) {
            Ok(value) => value,
            Err(payload) if payload.is::<Closed>() => None,
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Resumes one that waits for a value.
    #[inline(always)]
    fn pass(&mut self, value: R) -> Option<Y> {
        self.body.as_ref()?;
        // SAFETY: the generator does not run, and its `yield_` takes the value.
        unsafe { (*self.slots.input.get()).write(value) };
        self.resume(false)
    }

    #[inline(always)]
    fn resume(&mut self, throw: bool) -> Option<Y> {
        let body = self.body.as_mut()?;
        self.started = true;
        match body.resume(throw) {
            // SAFETY: the generator has suspended, after it put a value there.
            CoroutineResult::Yield(()) => Some(unsafe { (*self.slots.output.get()).assume_init_read() }),
            CoroutineResult::Return(outcome) => self.end(outcome),
        }
    }

    #[cold]
    #[inline(never)]
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
    #[inline(always)]
    fn next(&mut self) -> Option<Y> {
        if self.started { self.pass(R::default()) } else { self.resume(false) }
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
