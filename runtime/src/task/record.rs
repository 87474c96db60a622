//! The record of one coroutine, and the switch into and out of it.
//!
//! What belongs to a coroutine and lies in the thread or the processor is exchanged here: `errno`, MXCSR and the x87 control
//! word (which corosensei leaves as they are). Everything else of the thread is shared by its coroutines.

use super::stack::Stack;
use crate::arch;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Why a park ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    /// What was waited for has come, or may have.
    Event,
    /// The deadline has passed.
    Timeout,
    /// A signal handler ran while the thread slept.
    Signal,
    /// The coroutine is to end: the call fails, or unwinds.
    Kill,
    /// Nothing is left that could end the wait.
    Stuck,
}

/// Where a coroutine stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Ready,
    Running,
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

type Body = Coroutine<(), (), (), Stack>;

/// A light coroutine, or the thread's own flow of control (its *root*), which has no body.
pub(crate) struct Task {
    pub(super) id: u64,
    pub(super) name: Rc<str>,
    pub(super) state: Cell<State>,
    pub(super) woken: Cell<Wake>,
    /// Counts parks: a waker that means an earlier one is late.
    pub(super) seq: Cell<u64>,
    pub(super) deadline: Cell<u64>,
    pub(super) on_signal: Cell<OnSignal>,
    pub(super) killed: Cell<bool>,
    /// Waits it has begun since it was killed.
    pub(super) refused: Cell<u32>,
    /// It is never resumed again.
    pub(super) abandoned: Cell<bool>,
    /// Those that wait for its end, with the parks they wait in.
    pub(super) joiners: RefCell<Vec<(Rc<Task>, u64)>>,
    body: RefCell<Option<Body>>,
    yielder: Cell<*const Yielder<(), ()>>,
}

impl Task {
    /// The record of a thread's root.
    pub(super) fn root() -> Rc<Task> {
        Task::with(0, "".into(), State::Running)
    }

    fn with(id: u64, name: Rc<str>, state: State) -> Rc<Task> {
        Rc::new(Task {
            id,
            name,
            state: Cell::new(state),
            woken: Cell::new(Wake::Event),
            seq: Cell::new(0),
            deadline: Cell::new(super::NEVER),
            on_signal: Cell::new(OnSignal::Ignore),
            killed: Cell::new(false),
            refused: Cell::new(0),
            abandoned: Cell::new(false),
            joiners: RefCell::default(),
            body: RefCell::new(None),
            yielder: Cell::new(std::ptr::null()),
        })
    }

    /// A coroutine that will run `f`, which must not unwind.
    pub(super) fn new(id: u64, name: Rc<str>, stack: Stack, f: Box<dyn FnOnce()>) -> Rc<Task> {
        let task = Task::with(id, name, State::Ready);
        let weak = Rc::downgrade(&task);
        *task.body.borrow_mut() = Some(Coroutine::with_stack(stack, move |yielder: &Yielder<(), ()>, ()| {
            if let Some(task) = weak.upgrade() {
                task.yielder.set(yielder);
            }
            f();
        }));
        task
    }

    pub(super) fn is_root(&self) -> bool {
        self.id == 0
    }

    /// Whether it has ever run.
    pub(super) fn started(&self) -> bool {
        !self.yielder.get().is_null()
    }

    /// Runs the coroutine until it parks or ends. Called by the root only. True: it has ended, and its stack is free.
    pub(super) fn resume(&self) -> bool {
        let mut body = self.body.borrow_mut();
        let Some(coroutine) = body.as_mut() else {
            return true;
        };
        let control = arch::fp_control();
        let ended = matches!(coroutine.resume(()), CoroutineResult::Return(()));
        restore(control);
        if ended {
            *body = None;
        }
        ended
    }

    /// Goes back to the root, until resumed. Called by the coroutine itself.
    pub(super) fn suspend(&self) {
        let control = arch::fp_control();
        // SAFETY: the yielder lies at the base of the stack this runs on.
        unsafe { (*self.yielder.get()).suspend(()) };
        restore(control);
    }

    /// Lets go of a coroutine that never ran: what it was to run is dropped.
    pub(super) fn discard(&self) {
        let body = self.body.borrow_mut().take();
        drop(body);
    }

    /// Forgets a coroutine with all that lies on its stack, for the child of a fork.
    pub(super) fn forget(&self) {
        std::mem::forget(self.body.borrow_mut().take());
    }
}

/// Loading costs more than looking.
fn restore(control: u64) {
    if arch::fp_control() != control {
        arch::set_fp_control(control);
    }
}
