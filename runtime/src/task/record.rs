//! The record of one coroutine, and the switch into and out of it.
//!
//! What belongs to a coroutine and lies in the thread or the processor is exchanged at a switch: `errno`, MXCSR and the x87
//! control word (which corosensei leaves as they are; see `scheduler`). Everything else of the thread is shared by its
//! coroutines.
//!
//! Unsafe: the switch. A body is touched by the hub alone, and not while it runs.

use super::stack::Stack;
use super::timeout::Frame;
use super::timers::Waits;
use super::waiters::Waiters;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

/// Why a park ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    /// What was waited for has come, or may have.
    Event,
    /// The deadline has passed.
    Timeout,
    /// A time limit around the call has passed: see [`super::Timeout`].
    Expired,
    /// A signal handler ran while the thread slept.
    Signal,
    /// The coroutine is to end: the call fails, or unwinds.
    Kill,
    /// Nothing is left that could end the wait.
    Stuck,
}

impl Wake {
    /// The error of a call of libc whose wait ended so.
    pub(crate) fn errno(self) -> i32 {
        match self {
            Wake::Event | Wake::Timeout => libc::EAGAIN,
            Wake::Expired => libc::ETIMEDOUT,
            Wake::Signal => libc::EINTR,
            Wake::Kill => libc::ECANCELED,
            Wake::Stuck => libc::EDEADLK,
        }
    }
}

/// Where a coroutine stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// In the ready queue.
    Ready,
    Running,
    /// On its way to the end of the ready queue.
    Yielding,
    Parked,
    Finished,
}

/// What a signal does to a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnSignal {
    /// Ends it, if it is the thread's own.
    End,
    /// Nothing.
    Ignore,
}

/// What a coroutine waits for, for people: `the end of a coroutine`, with the number of one if that says more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct What(pub(crate) &'static str, pub(crate) u64);

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        if self.1 > 0 { write!(f, " {}", self.1) } else { Ok(()) }
    }
}

type Body = Coroutine<(), (), (), Stack>;

/// What most coroutines do without.
#[derive(Default)]
pub(super) struct Extra {
    /// Called by the coroutine when it ends.
    pub(super) on_finish: Vec<Box<dyn FnOnce()>>,
    /// Futures that wait for its end.
    pub(super) wakers: Vec<Waker>,
    /// Its values of [`super::LocalKey`]s, by their addresses.
    pub(super) locals: HashMap<usize, Rc<dyn Any>>,
    /// What this crate keeps for it, by type.
    pub(super) own: HashMap<TypeId, Rc<dyn Any>>,
}

/// What is said of a coroutine when it is made; see [`Task`].
pub(super) struct New {
    pub(super) id: u64,
    pub(super) name: Option<Box<str>>,
    pub(super) parent: u64,
    pub(super) spawned: &'static Location<'static>,
    pub(super) priority: i32,
}

/// A light coroutine, or the thread's own flow of control (its *root*), which has no body.
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) name: Option<Box<str>>,
    /// Who spawned it.
    pub(crate) parent: u64,
    /// Where it was spawned.
    pub(crate) spawned: &'static Location<'static>,
    pub(super) priority: i32,
    /// Its place among the live ones.
    pub(super) slot: Cell<u32>,
    pub(crate) state: Cell<State>,
    pub(super) woken: Cell<Wake>,
    pub(super) on_signal: Cell<OnSignal>,
    pub(super) killed: Cell<bool>,
    /// It is never resumed again.
    pub(super) abandoned: Cell<bool>,
    /// It waits for what no kill ends.
    pub(super) firm: Cell<bool>,
    /// Somebody unparked it before it parked.
    pub(super) token: Cell<bool>,
    /// Waits it has begun since it was killed.
    pub(super) refused: Cell<u8>,
    /// Its place in the heap of timers.
    pub(super) timer: Cell<u32>,
    /// Counts parks: a waker that means an earlier one is late.
    pub(super) seq: Cell<u64>,
    /// What it waits for, or did last, and since when.
    pub(crate) what: Cell<What>,
    pub(crate) since: Cell<u64>,
    /// The innermost time limit around what it does.
    pub(super) limits: Cell<*const Frame>,
    /// Those that wait for its end.
    pub(super) joiners: RefCell<Waiters>,
    pub(super) extra: RefCell<Option<Box<Extra>>>,
    /// Floating point control words to begin with.
    control: u64,
    yielder: Cell<*const Yielder<(), ()>>,
    body: UnsafeCell<Option<Body>>,
}

impl Waits for Task {
    fn place(&self) -> &Cell<u32> {
        &self.timer
    }

    fn rank(&self) -> u64 {
        self.id
    }
}

impl Task {
    /// The record of a thread's root.
    pub(super) fn root() -> Rc<Task> {
        let new = New { id: 0, name: None, parent: 0, spawned: Location::caller(), priority: 0 };
        Rc::new(Task::with(new, State::Running))
    }

    fn with(new: New, state: State) -> Task {
        Task {
            id: new.id,
            name: new.name,
            parent: new.parent,
            spawned: new.spawned,
            priority: new.priority,
            slot: Cell::new(u32::MAX),
            state: Cell::new(state),
            woken: Cell::new(Wake::Event),
            on_signal: Cell::new(OnSignal::Ignore),
            killed: Cell::new(false),
            abandoned: Cell::new(false),
            firm: Cell::new(false),
            token: Cell::new(false),
            refused: Cell::new(0),
            timer: Cell::new(0),
            seq: Cell::new(0),
            what: Cell::new(What("its first turn", 0)),
            since: Cell::new(0),
            limits: Cell::new(std::ptr::null()),
            joiners: RefCell::default(),
            extra: RefCell::new(None),
            control: crate::arch::fp_control(),
            yielder: Cell::new(std::ptr::null()),
            body: UnsafeCell::new(None),
        }
    }

    /// A coroutine that will run `f`, which is given its record and must not unwind.
    ///
    /// # Safety
    /// What `f` borrows lives until the coroutine has ended; if it is forgotten, for ever.
    pub(super) unsafe fn new<F: FnOnce(&Task)>(new: New, stack: Stack, f: F) -> Rc<Task> {
        let task = Rc::new(Task::with(new, State::Ready));
        let record = Rc::as_ptr(&task);
        let start = move |yielder: &Yielder<(), ()>, ()| {
            // SAFETY: the scheduler keeps the record of a coroutine that runs.
            let task = unsafe { &*record };
            task.yielder.set(yielder);
            super::own().enter(task.control);
            f(task);
            super::own().leave();
        };
        // SAFETY: by contract; nothing runs in this coroutine yet.
        unsafe { *task.body.get() = Some(Coroutine::with_stack_unchecked(stack, start)) };
        task
    }

    pub(super) fn is_root(&self) -> bool {
        self.id == 0
    }

    /// Whether it has ever run.
    pub(super) fn started(&self) -> bool {
        !self.yielder.get().is_null()
    }

    /// Runs the coroutine until it parks or ends; when it has ended, its stack.
    ///
    /// # Safety
    /// Called by the hub, and the coroutine does not run.
    #[inline(always)]
    pub(super) unsafe fn resume(&self) -> Option<Stack> {
        // SAFETY: by contract nobody else touches the body.
        let body = unsafe { &mut *self.body.get() };
        match body.as_mut()?.resume(()) {
            CoroutineResult::Yield(()) => None,
            CoroutineResult::Return(()) => body.take().map(Coroutine::into_stack),
        }
    }

    /// Goes back to the hub, until resumed. Called by the coroutine itself, perhaps on the stack of a generator that it runs:
    /// corosensei keeps the stack pointer of whoever suspends, wherever it is.
    #[inline(always)]
    pub(super) fn suspend(&self) {
        // SAFETY: the yielder lies at the base of the stack of the coroutine, which runs.
        unsafe { (*self.yielder.get()).suspend(()) };
    }

    /// Lets go of a coroutine that never ran: what it was to run is dropped.
    pub(super) fn discard(&self) {
        debug_assert!(!self.started());
        // SAFETY: it does not run.
        let body = unsafe { (*self.body.get()).take() };
        drop(body);
    }

    /// Forgets a coroutine with all that lies on its stack.
    pub(super) fn forget(&self) {
        // SAFETY: it never runs again.
        std::mem::forget(unsafe { (*self.body.get()).take() });
    }

    /// What few coroutines have.
    pub(super) fn with_extra<R>(&self, f: impl FnOnce(&mut Extra) -> R) -> R {
        f(self.extra.borrow_mut().get_or_insert_default())
    }

    /// Takes what few coroutines have.
    pub(super) fn take_extra<T: Default>(&self, part: impl FnOnce(&mut Extra) -> &mut T) -> T {
        self.extra.borrow_mut().as_mut().map(|e| std::mem::take(part(e))).unwrap_or_default()
    }
}

impl fmt::Display for Task {
    /// `<coroutine 7 "name">`, or `<thread>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.id, &self.name) {
            (0, _) => f.write_str("<thread>"),
            (id, None) => write!(f, "<coroutine {id}>"),
            (id, Some(name)) => write!(f, "<coroutine {id} {name:?}>"),
        }
    }
}
