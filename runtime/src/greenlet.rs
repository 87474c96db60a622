//! Greenlets: explicit switching with values, from any to any.
//!
//! Greenlets that exchange values of one type within one coroutine (or the thread itself) are a *family*, and the flow of
//! control that they were made in is its main greenlet. A greenlet that switches goes back to the main one's stack, where a
//! loop resumes whoever is meant; so a switch from any to any is one suspension and one resumption, and no greenlet's stack
//! lies below another's. While a greenlet sleeps or blocks, its coroutine does.
//!
//! ```text
//! main: a.switch(1) ─▶ loop: resume a ─▶ a: b.switch(2) ─▶ loop: resume b ─▶ b: ends with 3 ─▶ loop: its parent is main
//!       = 3 ◀──────────────────────────────────────────────────────────────────────────────────┘
//! ```

use crate::task::{Stack, give_back, local_of_task, own, task_id};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};

/// The payload that unwinds a greenlet which is dropped before its end. (Python: `GreenletExit`.)
#[derive(Debug)]
pub struct GreenletExit(());

/// What a switch brings.
enum Message<T> {
    Value(T),
    Throw(Box<dyn Any + Send>),
}

impl<T> Message<T> {
    fn open(self) -> T {
        match self {
            Message::Value(value) => value,
            Message::Throw(payload) => resume_unwind(payload),
        }
    }
}

/// What a greenlet leaves for the loop when it suspends: whom to resume, with what.
type Order<T> = (Rc<Inner<T>>, Message<T>);
type Body<T> = Coroutine<Message<T>, Order<T>, std::thread::Result<T>, Stack>;
type Run<T> = Box<dyn FnOnce(T) -> T>;

enum State<T: 'static> {
    /// The main greenlet of its family.
    Main,
    /// Made, and not given a function.
    Empty,
    Fresh(Run<T>),
    Suspended(Body<T>),
    /// It runs: the loop has its body.
    Running,
    Dead,
}

struct Inner<T: 'static> {
    state: RefCell<State<T>>,
    yielder: Cell<*const Yielder<Message<T>, Order<T>>>,
    parent: RefCell<Option<Rc<Inner<T>>>>,
    family: Rc<Family<T>>,
}

/// See the header.
struct Family<T: 'static> {
    task: u64,
    /// Who runs; none: main.
    current: RefCell<Option<Rc<Inner<T>>>>,
    main: RefCell<Weak<Inner<T>>>,
}

impl<T> Family<T> {
    /// The family of the coroutine that runs.
    fn here() -> Rc<Family<T>> {
        local_of_task(|| Family { task: task_id(), current: RefCell::new(None), main: RefCell::default() })
    }

    fn main(self: &Rc<Self>) -> Rc<Inner<T>> {
        if let Some(main) = self.main.borrow().upgrade() {
            return main;
        }
        let main = Rc::new(Inner {
            state: RefCell::new(State::Main),
            yielder: Cell::new(std::ptr::null()),
            parent: RefCell::new(None),
            family: self.clone(),
        });
        *self.main.borrow_mut() = Rc::downgrade(&main);
        main
    }

    fn current(self: &Rc<Self>) -> Rc<Inner<T>> {
        let current = self.current.borrow().clone();
        current.unwrap_or_else(|| self.main())
    }
}

/// A function with a stack of its own, which others switch to and which switches to others, with values of type `T`. Clones
/// mean the same greenlet.
///
/// ```
/// use patchall::Greenlet;
/// let (first, second) = (Greenlet::empty(), Greenlet::empty());
/// first.run({ let second = second.clone(); move |_| {
///     println!("12");
///     second.switch(());
///     println!("34");
/// }});
/// second.run({ let first = first.clone(); move |_| {
///     println!("56");
///     first.switch(());
///     println!("78"); // never: nobody switches back
/// }});
/// first.switch(());
/// assert!(first.is_dead() && !second.is_dead());
/// ```
///
/// When the function returns, what it returned goes to its parent: the greenlet that made it, unless it is given another. A
/// panic goes there, too. When the last handle of a suspended greenlet is dropped, it unwinds with [`GreenletExit`].
///
/// A greenlet stays in its thread:
///
/// ```compile_fail
/// let g = patchall::Greenlet::new(|n: i32| n + 1);
/// std::thread::spawn(move || g.switch(1));
/// ```
pub struct Greenlet<T: 'static>(Rc<Inner<T>>);

impl<T> Clone for Greenlet<T> {
    fn clone(&self) -> Self {
        Greenlet(self.0.clone())
    }
}

impl<T> Greenlet<T> {
    /// A greenlet that will run `f` with the value of the first switch to it.
    ///
    /// ```
    /// let double = patchall::Greenlet::new(|n: i32| n * 2);
    /// assert_eq!(double.switch(21), 42);
    /// ```
    pub fn new(f: impl FnOnce(T) -> T + 'static) -> Self {
        Greenlet::with(State::Fresh(Box::new(f)))
    }

    /// A greenlet that is given its function later, so that several may know each other.
    pub fn empty() -> Self {
        Greenlet::with(State::Empty)
    }

    fn with(state: State<T>) -> Self {
        let family = Family::here();
        let parent = family.current();
        Greenlet(Rc::new(Inner {
            state: RefCell::new(state),
            yielder: Cell::new(std::ptr::null()),
            parent: RefCell::new(Some(parent)),
            family,
        }))
    }

    /// Gives it its function.
    ///
    /// # Panics
    /// When it has one.
    pub fn run(&self, f: impl FnOnce(T) -> T + 'static) {
        let mut state = self.0.state.borrow_mut();
        assert!(matches!(*state, State::Empty), "the greenlet has a function already");
        *state = State::Fresh(Box::new(f));
    }

    /// The greenlet that runs, among those that exchange values of type `T`; the main one if none does. (greenlet:
    /// `getcurrent`.)
    pub fn current() -> Self {
        Greenlet(Family::here().current())
    }

    /// Goes on in this greenlet, where its own switch gives `value`; returns when somebody switches back here, with what
    /// that brings. To switch to a dead greenlet is to switch to its parent, and to oneself gives the value.
    ///
    /// # Panics
    /// With what is thrown here, or what the greenlet panics with if this is its parent. Also when it was made in another
    /// coroutine, or has no function.
    pub fn switch(&self, value: T) -> T {
        self.0.family.switch(self.0.clone(), Message::Value(value))
    }

    /// As [`Greenlet::switch`], and has the greenlet's own switch panic with a payload. One that has not begun is dead then,
    /// and the payload goes to its parent.
    ///
    /// # Panics
    /// As [`Greenlet::switch`].
    pub fn throw(&self, payload: impl Any + Send) -> T {
        self.0.family.switch(self.0.clone(), Message::Throw(Box::new(payload)))
    }

    /// Where what it returns will go; the main one has none.
    pub fn parent(&self) -> Option<Greenlet<T>> {
        self.0.parent.borrow().clone().map(Greenlet)
    }

    /// Sends what it returns elsewhere.
    ///
    /// # Panics
    /// When that would make a circle, or is a greenlet of another coroutine; for the main one.
    pub fn set_parent(&self, parent: &Greenlet<T>) {
        assert!(!matches!(*self.0.state.borrow(), State::Main), "the main greenlet has no parent");
        assert!(Rc::ptr_eq(&parent.0.family, &self.0.family), "the parent belongs to another coroutine");
        let mut above = Some(parent.0.clone());
        while let Some(greenlet) = above {
            assert!(!Rc::ptr_eq(&greenlet, &self.0), "a greenlet cannot be its own ancestor");
            above = greenlet.parent.borrow().clone();
        }
        *self.0.parent.borrow_mut() = Some(parent.0.clone());
    }

    /// Whether it has come to its end.
    pub fn is_dead(&self) -> bool {
        matches!(*self.0.state.borrow(), State::Dead)
    }

    /// Whether it has begun and has not come to its end.
    pub fn is_active(&self) -> bool {
        matches!(*self.0.state.borrow(), State::Main | State::Running | State::Suspended(_))
    }
}

impl<T> PartialEq for Greenlet<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Eq for Greenlet<T> {}

impl<T> fmt::Debug for Greenlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match *self.0.state.borrow() {
            State::Main => "main",
            State::Empty => "empty",
            State::Fresh(_) => "not begun",
            State::Suspended(_) => "suspended",
            State::Running => "current",
            State::Dead => "dead",
        };
        write!(f, "Greenlet({state})")
    }
}

impl<T> Family<T> {
    /// Switches from whoever runs.
    fn switch(self: &Rc<Self>, to: Rc<Inner<T>>, message: Message<T>) -> T {
        assert!(self.task == task_id(), "the greenlet belongs to another coroutine");
        let current = self.current.borrow().clone();
        match current {
            None => self.drive((to, message)).open(),
            // It may be that it switches to itself: then the loop resumes it at once.
            Some(current) => {
                let yielder = current.yielder.get();
                // The loop keeps who runs.
                drop(current);
                // SAFETY: the yielder lies at the base of the stack of the greenlet that runs, which this is.
                unsafe { (*yielder).suspend((to, message)) }.open()
            }
        }
    }

    /// The loop on main's stack: resumes one greenlet after the other, until main is meant.
    fn drive(&self, mut order: Order<T>) -> Message<T> {
        loop {
            let (to, message) = order;
            let state = std::mem::replace(&mut *to.state.borrow_mut(), State::Running);
            order = match (state, message) {
                (State::Main, message) => {
                    *to.state.borrow_mut() = State::Main;
                    return message;
                }
                (State::Suspended(body), message) => self.resume(to, body, message),
                (State::Fresh(f), Message::Value(value)) => {
                    let body = to.begin(f);
                    self.resume(to, body, Message::Value(value))
                }
                (State::Dead | State::Fresh(_), message) => {
                    *to.state.borrow_mut() = State::Dead;
                    to.up(message)
                }
                (State::Empty, _) => {
                    *to.state.borrow_mut() = State::Empty;
                    panic!("a switch to a greenlet without a function: run() gives it one");
                }
                (State::Running, _) => unreachable!("the loop runs, so no greenlet does"),
            };
        }
    }

    /// Runs one until it switches or ends: what it wants next.
    fn resume(&self, who: Rc<Inner<T>>, mut body: Body<T>, message: Message<T>) -> Order<T> {
        let before = self.current.replace(Some(who.clone()));
        let result = body.resume(message);
        self.current.replace(before);
        match result {
            CoroutineResult::Yield(order) => {
                *who.state.borrow_mut() = State::Suspended(body);
                order
            }
            CoroutineResult::Return(outcome) => {
                give_back(body.into_stack());
                *who.state.borrow_mut() = State::Dead;
                match outcome {
                    Ok(value) => who.up(Message::Value(value)),
                    Err(payload) => who.up(Message::Throw(payload)),
                }
            }
        }
    }
}

impl<T> Inner<T> {
    /// Its stack, with its function on it.
    fn begin(self: &Rc<Self>, f: Run<T>) -> Body<T> {
        let stack = own().stack();
        let stack =
            stack.unwrap_or_else(|e| panic!("no stack for a greenlet: {}", std::io::Error::from_raw_os_error(e)));
        let here = Rc::downgrade(self);
        Coroutine::with_stack(stack, move |yielder: &Yielder<Message<T>, Order<T>>, first| {
            if let Some(here) = here.upgrade() {
                here.yielder.set(yielder);
            }
            catch_unwind(AssertUnwindSafe(|| f(first.open())))
        })
    }

    /// Passes what it came to on to its parent.
    fn up(&self, message: Message<T>) -> Order<T> {
        match self.parent.borrow().clone() {
            Some(parent) => (parent, message),
            None => unreachable!("only the main greenlet has no parent, and it never ends"),
        }
    }
}

/// How often a greenlet that is dropped may switch elsewhere instead of unwinding, before it is forgotten with its stack.
const PATIENCE: usize = 100;

impl<T> Drop for Inner<T> {
    fn drop(&mut self) {
        let State::Suspended(mut body) = std::mem::replace(self.state.get_mut(), State::Dead) else {
            return;
        };
        // It runs once more, in the name of another record.
        let ghost = Rc::new(Inner {
            state: RefCell::new(State::Dead),
            yielder: self.yielder.clone(),
            parent: RefCell::new(None),
            family: self.family.clone(),
        });
        let before = self.family.current.replace(Some(ghost));
        let ended = (0..PATIENCE).any(|_| {
            let exit = Message::Throw(Box::new(GreenletExit(())));
            matches!(body.resume(exit), CoroutineResult::Return(_))
        });
        self.family.current.replace(before);
        if ended {
            give_back(body.into_stack());
        } else {
            std::mem::forget(body);
        }
    }
}
