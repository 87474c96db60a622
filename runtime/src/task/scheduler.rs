//! The scheduler of one thread's light coroutines.
//!
//! The thread's own flow of control, the *root*, is the hub of its coroutines: when it blocks, it runs [`Scheduler::turn`],
//! which resumes ready coroutines in the order they became so, and waits for a timer or a descriptor when there are none. A
//! coroutine that blocks goes back there. When the root's own wait is over, the loop returns. So root and coroutines take turns
//! at blocking calls and nowhere else, and what only they share needs no lock.
//!
//! Invariants. A coroutine is in the ready queue, or runs, or is parked. A park has a number; whoever wakes names it, and one
//! that comes late does nothing. No borrow of a cell is held across a switch. While the scheduler itself runs, the thread
//! counts as busy: a hooked call made from in here (by an allocator, say) goes straight to libc.

use super::NEVER;
use super::events::{Added, Events};
use super::record::{OnSignal, State, Task, Wake};
use crate::{arch, sys};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Turns between two looks at timers and descriptors while somebody is always ready.
const LOOK: u32 = 32;
/// Waits that a killed coroutine may begin (each fails at once) before it is abandoned.
const PATIENCE: u32 = 100;

/// See the header.
pub(crate) struct Scheduler {
    root: Rc<Task>,
    current: RefCell<Rc<Task>>,
    ready: RefCell<VecDeque<Rc<Task>>>,
    /// Parks with a deadline: by time, then by number of the coroutine.
    timers: RefCell<BTreeMap<(u64, u64), Rc<Task>>>,
    events: Events,
    /// Every coroutine that has not ended, by number: the order in which they were made.
    live: RefCell<BTreeMap<u64, Rc<Task>>>,
    /// Waits that have a signal mask of their own (ppoll, pselect, epoll_pwait), oldest first.
    masks: RefCell<Vec<(Rc<Task>, libc::sigset_t)>>,
    busy: Cell<bool>,
    /// The thread ends: nothing switches any more.
    closing: Cell<bool>,
    turns: Cell<u32>,
}

impl Scheduler {
    pub(super) fn new() -> Scheduler {
        let root = Task::root();
        Scheduler {
            current: RefCell::new(root.clone()),
            root,
            ready: RefCell::default(),
            timers: RefCell::default(),
            events: Events::new(),
            live: RefCell::default(),
            masks: RefCell::default(),
            busy: Cell::new(false),
            closing: Cell::new(false),
            turns: Cell::new(0),
        }
    }

    /// Whether a blocking call made now is to switch: see [`super::local::hooked`].
    #[cold]
    #[inline(never)]
    pub(super) fn willing(&self) -> Option<&Scheduler> {
        (!self.busy.get() && !std::thread::panicking()).then_some(self)
    }

    /// Runs code of the scheduler's outside of its loop.
    pub(super) fn quietly<R>(&self, f: impl FnOnce() -> R) -> R {
        self.busy.set(true);
        let r = f();
        self.busy.set(false);
        r
    }

    /// The coroutine that runs.
    pub(super) fn current(&self) -> Rc<Task> {
        self.current.borrow().clone()
    }

    /// Takes in a new coroutine; it runs at the next switch.
    pub(super) fn start(&self, task: Rc<Task>) {
        self.quietly(|| {
            self.live.borrow_mut().insert(task.id, task.clone());
            self.ready.borrow_mut().push_back(task);
        });
        arch::set_local(self);
    }

    /// Begins a park of whoever runs: wakers from now on name the number this gives.
    pub(crate) fn prepare(&self) -> u64 {
        let task = self.current.borrow();
        task.seq.set(task.seq.get() + 1);
        task.state.set(State::Parked);
        task.seq.get()
    }

    /// Parks whoever runs, after [`Scheduler::prepare`], until it is woken or `deadline` has passed.
    pub(crate) fn park(&self, deadline: u64, on_signal: OnSignal) -> Wake {
        let task = self.current();
        task.on_signal.set(on_signal);
        if task.killed.get() && !std::thread::panicking() {
            self.refuse(&task);
            return Wake::Kill;
        }
        if task.state.get() == State::Parked && deadline != NEVER {
            task.deadline.set(deadline);
            self.quietly(|| self.timers.borrow_mut().insert((deadline, task.id), task.clone()));
        }
        self.switch(&task);
        task.woken.get()
    }

    /// A killed coroutine begins another wait: it fails at once. One that goes on and on is abandoned where it is, without
    /// unwinding.
    fn refuse(&self, task: &Rc<Task>) {
        task.refused.set(task.refused.get() + 1);
        task.state.set(State::Running);
        if task.refused.get() > PATIENCE {
            task.abandoned.set(true);
            task.suspend();
        }
    }

    /// Lets every other coroutine that is ready have a turn.
    pub(crate) fn yield_now(&self) -> Wake {
        let task = self.current();
        if task.killed.get() {
            self.refuse(&task);
            return Wake::Kill;
        }
        task.state.set(State::Ready);
        task.woken.set(Wake::Event);
        self.quietly(|| self.ready.borrow_mut().push_back(task.clone()));
        self.switch(&task);
        task.woken.get()
    }

    /// Runs others until `task`, the one that runs, has come out of the ready queue.
    fn switch(&self, task: &Rc<Task>) {
        let errno = super::errno();
        if task.is_root() {
            self.busy.set(true);
            self.turn();
            self.busy.set(false);
        } else {
            task.suspend();
        }
        task.state.set(State::Running);
        super::set_errno(errno);
    }

    /// Ends park `seq` of `task`. Anything may call it in this thread.
    pub(super) fn wake(&self, task: &Rc<Task>, seq: u64, why: Wake) {
        if task.state.get() != State::Parked || task.seq.get() != seq {
            return;
        }
        let deadline = task.deadline.replace(NEVER);
        if deadline != NEVER {
            self.timers.borrow_mut().remove(&(deadline, task.id));
        }
        task.state.set(State::Ready);
        task.woken.set(why);
        self.ready.borrow_mut().push_back(task.clone());
    }

    /// The loop of the root: returns when the root's own park or turn is over.
    fn turn(&self) {
        loop {
            let turns = self.turns.get().wrapping_add(1);
            self.turns.set(turns);
            if turns.is_multiple_of(LOOK) {
                self.look(Some(0));
            }
            let next = self.ready.borrow_mut().pop_front();
            match next {
                Some(task) if task.is_root() => return,
                Some(task) => self.run(&task),
                None => self.idle(),
            }
        }
    }

    fn run(&self, task: &Rc<Task>) {
        task.state.set(State::Running);
        *self.current.borrow_mut() = task.clone();
        self.busy.set(false);
        let ended = task.resume() || task.abandoned.get();
        self.busy.set(true);
        *self.current.borrow_mut() = self.root.clone();
        if ended {
            if task.abandoned.get() {
                task.forget();
            }
            self.ended(task);
        }
    }

    /// Tells those who wait for a coroutine's end.
    fn ended(&self, task: &Rc<Task>) {
        task.state.set(State::Finished);
        self.live.borrow_mut().remove(&task.id);
        let joiners = std::mem::take(&mut *task.joiners.borrow_mut());
        for (joiner, seq) in joiners {
            self.wake(&joiner, seq, Wake::Event);
        }
        if self.live.borrow().is_empty() {
            arch::set_local(std::ptr::null());
        }
    }

    /// Nobody is ready: waits for the first timer or descriptor.
    fn idle(&self) {
        let next = self.timers.borrow().keys().next().map(|k| k.0);
        let signals = self.root.on_signal.get() == OnSignal::End || !self.masks.borrow().is_empty();
        if next.is_none() && !self.events.any() && !signals {
            let root = &self.root;
            self.wake(root, root.seq.get(), Wake::Stuck);
            return;
        }
        self.look(next.map(|at| at.saturating_sub(sys::monotonic())));
    }

    /// Wakes whoever is due, after at most `timeout` nanoseconds.
    fn look(&self, timeout: Option<u64>) {
        if timeout != Some(0) || self.events.any() {
            let mask = self.mask();
            if self.events.wait(timeout, mask.as_ref(), |t, seq| self.wake(t, seq, Wake::Event)) == Err(libc::EINTR) {
                self.signalled();
            }
        }
        let now = sys::monotonic();
        loop {
            let due = self.timers.borrow().first_key_value().filter(|(k, _)| k.0 <= now).map(|(_, t)| t.clone());
            let Some(task) = due else { break };
            self.wake(&task, task.seq.get(), Wake::Timeout);
        }
    }

    /// A handler ran while the thread slept: the wait that asked for it by a mask of its own ends, or else the root's.
    fn signalled(&self) {
        let masked = self.masks.borrow().first().map(|(t, _)| t.clone());
        let task = masked.unwrap_or_else(|| self.root.clone());
        if task.on_signal.get() == OnSignal::End {
            self.wake(&task, task.seq.get(), Wake::Signal);
        }
    }

    /// What the thread blocks while it waits: what all waits with masks block; `None`: its own mask.
    fn mask(&self) -> Option<libc::sigset_t> {
        let masks = self.masks.borrow();
        let first = masks.first()?.1;
        Some(masks[1..].iter().fold(first, |all, (_, m)| super::intersection(&all, m)))
    }

    /// Runs a wait of whoever runs with a signal mask of its own.
    pub(crate) fn with_mask<R>(&self, mask: Option<libc::sigset_t>, wait: impl FnOnce() -> R) -> R {
        let Some(mask) = mask else { return wait() };
        struct Undo<'a>(&'a Scheduler, Rc<Task>);
        impl Drop for Undo<'_> {
            fn drop(&mut self) {
                let mut masks = self.0.masks.borrow_mut();
                if let Some(i) = masks.iter().rposition(|(t, _)| Rc::ptr_eq(t, &self.1)) {
                    masks.remove(i);
                }
            }
        }
        let task = self.current();
        self.masks.borrow_mut().push((task.clone(), mask));
        let _undo = Undo(self, task);
        wait()
    }

    /// Waits until one of the descriptors has one of the events asked of it, or may have. `None`: the kernel cannot wait for
    /// one of them without holding up the thread, and the caller must.
    pub(crate) fn wait_for(&self, wanted: &[(i32, u32)], deadline: u64, on_signal: OnSignal) -> Option<Wake> {
        struct Undo<'a>(&'a Scheduler, &'a [(i32, u32)], Rc<Task>);
        impl Drop for Undo<'_> {
            fn drop(&mut self) {
                self.1.iter().for_each(|(fd, _)| self.0.events.remove(*fd, &self.2));
            }
        }
        let task = self.current();
        let seq = self.prepare();
        let undo = Undo(self, wanted, task.clone());
        let add = |(fd, events): &(i32, u32)| self.events.add(*fd, *events, &task, seq);
        let added: Vec<Added> = self.quietly(|| wanted.iter().map(add).collect());
        let one_never = wanted.len() == 1 && added.contains(&Added::Never);
        if one_never || added.contains(&Added::Refused) {
            task.state.set(State::Running);
            return None;
        }
        let woken = self.park(deadline, on_signal);
        drop(undo);
        Some(woken)
    }

    /// Waits for `task` to end. False: it cannot, since nothing is left that could happen, or the thread ends.
    pub(super) fn join(&self, task: &Rc<Task>) -> bool {
        while task.state.get() != State::Finished {
            if self.closing.get() {
                return false;
            }
            let me = self.current();
            let seq = self.prepare();
            self.quietly(|| task.joiners.borrow_mut().push((me, seq)));
            match self.park(NEVER, OnSignal::Ignore) {
                Wake::Stuck => return false,
                Wake::Kill => super::unwind(),
                _ => {}
            }
        }
        true
    }

    /// Ends the wait of `task`, and all that it begins later.
    pub(super) fn kill(&self, task: &Rc<Task>) {
        if task.state.get() == State::Finished {
            return;
        }
        task.killed.set(true);
        if !task.started() {
            self.ready.borrow_mut().retain(|t| !Rc::ptr_eq(t, task));
            task.discard();
            self.quietly(|| self.ended(task));
        } else if task.state.get() == State::Ready {
            task.woken.set(Wake::Kill);
        } else {
            self.quietly(|| self.wake(task, task.seq.get(), Wake::Kill));
        }
    }

    /// The thread ends: its coroutines are killed and run to their ends, in the order in which they were made. (One that
    /// called exit(3) is on its way out by itself.)
    pub(super) fn close(&self) {
        self.closing.set(true);
        let running = self.current();
        loop {
            let first = self.live.borrow().values().find(|t| !Rc::ptr_eq(t, &running)).cloned();
            let Some(task) = first else { break };
            task.killed.set(true);
            if task.started() {
                task.woken.set(Wake::Kill);
                *self.current.borrow_mut() = task.clone();
                while !task.resume() && !task.abandoned.get() {}
                *self.current.borrow_mut() = running.clone();
            } else {
                task.discard();
            }
            task.state.set(State::Finished);
            if task.abandoned.get() {
                task.forget();
            }
            self.live.borrow_mut().remove(&task.id);
        }
        arch::set_local(std::ptr::null());
    }

    /// For the child of a fork, in the thread that made it: whoever runs and the root are all there is.
    pub(super) fn after_fork(&self) {
        let current = self.current();
        self.events.after_fork();
        self.timers.borrow_mut().clear();
        self.masks.borrow_mut().retain(|(t, _)| t.is_root() || Rc::ptr_eq(t, &current));
        let all: Vec<_> = self.live.borrow().values().cloned().collect();
        self.ready.borrow_mut().retain(|t| t.is_root());
        for task in all.iter().filter(|t| !Rc::ptr_eq(t, &current)) {
            task.forget();
            self.ended(task);
        }
        // What it waited for has to be asked for anew.
        self.root.deadline.set(NEVER);
        self.wake(&self.root, self.root.seq.get(), Wake::Event);
    }
}
