//! The scheduler of one thread's light coroutines.
//!
//! The thread's own flow of control, the *root*, is the hub of its coroutines: when it blocks, it runs [`Scheduler::turn`],
//! which resumes ready coroutines in the order they became so, and waits for a timer or a descriptor when there are none. A
//! coroutine that blocks goes back there. When the root's own wait is over, the loop returns. So root and coroutines take turns
//! at blocking calls and nowhere else, and what only they share needs no lock.
//!
//! Invariants. A coroutine is in the ready queue, or runs, or is parked. A park has a number; whoever wakes names it, and one
//! that comes late does nothing. No borrow of a cell is held across a switch. While the scheduler itself runs, the thread
//! counts as busy: a hooked call made from in here (by an allocator, say) goes straight to libc. Parking, waking, yielding and
//! timers allocate nothing: room is made when a coroutine is made.
//!
//! Unsafe: who runs is kept in a cell that is exchanged only at a switch, and is borrowed in between.

use super::current::Address;
use super::events::{Added, Events};
use super::inbox::{Inbox, Key};
use super::live::Live;
use super::ready::Ready;
use super::record::{OnSignal, State, Task, Wake, What};
use super::timeout;
use super::timers::Timers;
use super::waiters::Who;
use super::{NEVER, Stack};
use crate::debug::{Stats, Watched};
use crate::{arch, sys};
use std::cell::{Cell, RefCell, UnsafeCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Turns between two looks at timers and descriptors while somebody is always ready.
const LOOK: u32 = 32;
/// Waits that a killed coroutine may begin (each fails at once) before it is abandoned.
const PATIENCE: u8 = 100;
/// Stacks of the usual size that a thread keeps for itself.
const OWN_STACKS: usize = 16;

/// How somebody waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) what: What,
    pub(crate) deadline: u64,
    pub(crate) on_signal: OnSignal,
    /// Another thread may end it.
    pub(crate) outside: bool,
    /// Neither a kill nor a time limit ends it.
    pub(crate) firm: bool,
}

impl Wait {
    /// For something that only this thread can bring about, for ever if need be.
    pub(crate) const fn on(what: &'static str) -> Wait {
        Wait { what: What(what, 0), deadline: NEVER, on_signal: OnSignal::Ignore, outside: false, firm: false }
    }

    pub(crate) const fn until(self, deadline: u64) -> Wait {
        Wait { deadline, ..self }
    }
}

/// See the header.
pub(crate) struct Scheduler {
    root: Rc<Task>,
    current: UnsafeCell<Rc<Task>>,
    ready: RefCell<Ready<Rc<Task>>>,
    timers: RefCell<Timers<Task>>,
    events: Events,
    live: RefCell<Live>,
    /// Waits that have a signal mask of their own (ppoll, pselect, epoll_pwait), oldest first.
    masks: RefCell<Vec<(Rc<Task>, libc::sigset_t)>>,
    stacks: RefCell<Vec<Stack>>,
    inbox: Arc<Inbox>,
    /// Waits that other threads may end.
    outside: Cell<usize>,
    busy: Cell<bool>,
    /// The thread ends: nothing waits any more.
    closing: Cell<bool>,
    turns: Cell<u32>,
    /// The time, as of the last look.
    now: Cell<u64>,
    switches: Cell<u64>,
    spawned: Cell<u64>,
    /// Who is told of turns: see [`crate::debug::monitor`].
    watched: RefCell<Vec<Arc<Watched>>>,
    watching: Cell<bool>,
    errno: *mut i32,
    /// The floating point control words that are loaded, as whoever switched last left them.
    control: Cell<u64>,
    /// Numbers for coroutines that nobody else has: the next, and the one after the last.
    ids: Cell<(u64, u64)>,
}

impl Scheduler {
    pub(super) fn new() -> Scheduler {
        sys::vdso::init();
        super::stack::overflow::watch();
        let root = Task::root();
        Scheduler {
            current: UnsafeCell::new(root.clone()),
            root,
            ready: RefCell::new(Ready::new()),
            timers: RefCell::new(Timers::new()),
            events: Events::new(),
            live: RefCell::default(),
            masks: RefCell::default(),
            stacks: RefCell::new(Vec::with_capacity(OWN_STACKS)),
            inbox: Arc::new(Inbox::new()),
            outside: Cell::new(0),
            busy: Cell::new(false),
            closing: Cell::new(false),
            turns: Cell::new(0),
            now: Cell::new(sys::monotonic()),
            switches: Cell::new(0),
            spawned: Cell::new(0),
            watched: RefCell::default(),
            watching: Cell::new(false),
            // SAFETY: the location is the thread's own, for as long as it lives.
            errno: unsafe { libc::__errno_location() },
            control: Cell::new(arch::fp_control()),
            ids: Cell::new((0, 0)),
        }
    }

    /// Whether a blocking call made now is to switch: see [`super::local::hooked`].
    #[cold]
    #[inline(never)]
    pub(super) fn willing(&self) -> Option<&Scheduler> {
        (!self.busy.get() && !std::thread::panicking()).then_some(self)
    }

    /// Runs code of the scheduler's outside of its loop.
    pub(crate) fn quietly<R>(&self, f: impl FnOnce() -> R) -> R {
        let before = self.busy.replace(true);
        let r = f();
        self.busy.set(before);
        r
    }

    /// The coroutine that runs.
    pub(super) fn current(&self) -> Rc<Task> {
        // SAFETY: see the header.
        unsafe { (*self.current.get()).clone() }
    }

    /// The same, for as long as nothing switches. (A coroutine that comes back from a switch is current again.)
    #[inline]
    pub(super) fn here(&self) -> &Task {
        // SAFETY: see the header; and the record of a coroutine that is live is kept by `live`.
        unsafe { &*Rc::as_ptr(&*self.current.get()) }
    }

    /// Number and name of the coroutine that runs, for a signal handler.
    pub(super) fn who_runs(&self) -> (u64, &str) {
        let task = self.here();
        (task.id, task.name.as_deref().unwrap_or_default())
    }

    pub(super) fn inbox(&self) -> *const Inbox {
        Arc::as_ptr(&self.inbox)
    }

    /// Who runs, in park `seq`, for somebody who may be in another thread.
    pub(super) fn address(&self, seq: u64) -> Address {
        // For as long as this is held, it can be rung.
        self.inbox.bell();
        Address { inbox: self.inbox.clone(), key: self.who(seq).key }
    }

    /// Begins a park of whoever runs that another thread may end.
    pub(crate) fn prepare_outside(&self) -> Address {
        self.address(self.prepare())
    }

    /// Takes back a park that was begun, and perhaps ended already.
    pub(crate) fn cancel(&self) {
        let task = self.here();
        if task.state.replace(State::Running) == State::Ready {
            self.ready.borrow_mut().retain(|t| t.id != task.id);
        }
    }

    /// Who runs, in park `seq`.
    pub(super) fn who(&self, seq: u64) -> Who {
        let task = self.here();
        Who { inbox: self.inbox(), key: Key { slot: task.slot.get(), id: task.id, seq } }
    }

    /// Every coroutine that has not ended, in the order in which they were made; the root first.
    pub(crate) fn all(&self) -> Vec<Rc<Task>> {
        std::iter::once(self.root.clone()).chain(self.live.borrow().all()).collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats { spawned: self.spawned.get(), live: self.live.borrow().len(), switches: self.switches.get() }
    }

    /// Has turns told to somebody.
    pub(crate) fn watch(&self) -> Arc<Watched> {
        let watched = Arc::<Watched>::default();
        let task = self.here();
        watched.begin(task.id, task.spawned);
        self.watched.borrow_mut().push(watched.clone());
        self.watching.set(true);
        watched
    }

    /// Takes that back.
    pub(crate) fn unwatch(&self, watched: &Arc<Watched>) {
        let mut all = self.watched.borrow_mut();
        all.retain(|w| !Arc::ptr_eq(w, watched));
        self.watching.set(!all.is_empty());
    }

    /// Tells who has the turn; `None`: the scheduler.
    #[cold]
    fn tell(&self, who: Option<&Task>) {
        for watched in self.watched.borrow().iter() {
            match who {
                Some(task) => watched.begin(task.id, task.spawned),
                None => watched.end(),
            }
        }
    }

    /// A stack of the usual size, warm if possible.
    pub(crate) fn stack(&self) -> Result<Stack, i32> {
        match self.stacks.borrow_mut().pop() {
            Some(stack) => Ok(stack),
            None => self.quietly(|| Stack::take(super::stack::DEFAULT)),
        }
    }

    /// Takes a stack back.
    pub(crate) fn give_back(&self, stack: Stack) {
        let mut stacks = self.stacks.borrow_mut();
        if stack.is_default() && stacks.len() < OWN_STACKS {
            stacks.push(stack);
        }
    }

    /// Takes in a new coroutine; it runs at the next switch.
    pub(super) fn start(&self, task: Rc<Task>) {
        self.quietly(|| {
            let mut live = self.live.borrow_mut();
            live.insert(task.clone());
            // One more for the root, and one for who is on the way from one place to another.
            let room = live.len() + 2;
            self.timers.borrow_mut().reserve(room);
            let mut ready = self.ready.borrow_mut();
            ready.reserve(task.priority, room);
            ready.push(task.priority, task);
            self.spawned.set(self.spawned.get() + 1);
        });
        arch::set_local(self);
    }

    /// Begins a park of whoever runs: wakers from now on name the number this gives.
    pub(crate) fn prepare(&self) -> u64 {
        let task = self.here();
        task.seq.set(task.seq.get() + 1);
        task.state.set(State::Parked);
        task.seq.get()
    }

    /// Parks whoever runs, after [`Scheduler::prepare`], until it is woken or the deadline has passed.
    pub(crate) fn park(&self, wait: Wait) -> Wake {
        let task = self.here();
        if !wait.firm && task.killed.get() && !std::thread::panicking() {
            self.refuse(task);
            return Wake::Kill;
        }
        let limit = if wait.firm { NEVER } else { timeout::limit(task) };
        let deadline = wait.deadline.min(limit);
        task.on_signal.set(wait.on_signal);
        task.firm.set(wait.firm);
        task.what.set(wait.what);
        task.since.set(self.now.get());
        if task.state.get() == State::Parked && deadline != NEVER {
            let who = self.current();
            self.quietly(|| self.timers.borrow_mut().insert(deadline, who));
        }
        self.outside.set(self.outside.get() + usize::from(wait.outside));
        self.switch(task);
        self.outside.set(self.outside.get() - usize::from(wait.outside));
        task.firm.set(false);
        match task.woken.get() {
            Wake::Timeout if limit < wait.deadline => {
                timeout::expire(task, sys::monotonic());
                Wake::Expired
            }
            woken => woken,
        }
    }

    /// A killed coroutine begins another wait: it fails at once. One that goes on and on is abandoned where it is, without
    /// unwinding.
    fn refuse(&self, task: &Task) {
        task.refused.set(task.refused.get() + 1);
        // It may have been woken already.
        self.cancel();
        if task.refused.get() > PATIENCE && !task.is_root() {
            task.abandoned.set(true);
            self.leave();
            task.suspend();
        }
    }

    /// Lets every other coroutine that is ready have a turn.
    #[inline(always)]
    pub(crate) fn yield_now(&self) -> Wake {
        let task = self.here();
        if task.killed.get() {
            self.refuse(task);
            return Wake::Kill;
        }
        task.woken.set(Wake::Event);
        if task.is_root() {
            task.state.set(State::Ready);
            self.ready.borrow_mut().push(0, self.root.clone());
        } else {
            // The hub puts it back: see `run`.
            task.state.set(State::Yielding);
        }
        self.switch(task);
        task.woken.get()
    }

    /// Runs others until `task`, the one that runs, is woken or has its turn again.
    #[inline(always)]
    fn switch(&self, task: &Task) {
        // SAFETY: the thread's own errno, before and after.
        let errno = unsafe { *self.errno };
        let control = self.leave();
        if task.is_root() {
            self.turns_of_others(task);
        } else {
            task.suspend();
        }
        self.enter(control);
        task.state.set(State::Running);
        // SAFETY: as above.
        unsafe { *self.errno = errno };
    }

    /// Whoever runs is about to leave: the control words that it goes on with later.
    #[inline(always)]
    pub(super) fn leave(&self) -> u64 {
        let control = arch::fp_control();
        self.control.set(control);
        control
    }

    /// Somebody goes on, or begins, with these control words. Loading them costs more than comparing them, and reading
    /// them is not for nothing either. (The flags of exceptions in MXCSR, its low six bits, are nobody's across a call:
    /// psABI 3.2.3.)
    #[inline(always)]
    pub(super) fn enter(&self, control: u64) {
        if (self.control.get() ^ control) & !0x3f != 0 {
            arch::set_fp_control(control);
        }
    }

    /// A number for a coroutine.
    pub(super) fn new_id(&self) -> u64 {
        static LAST: AtomicU64 = AtomicU64::new(1);
        const AT_A_TIME: u64 = 1000;
        let (mut next, mut end) = self.ids.get();
        if next == end {
            next = LAST.fetch_add(AT_A_TIME, Relaxed);
            end = next + AT_A_TIME;
        }
        self.ids.set((next + 1, end));
        next
    }

    #[inline(never)]
    fn turns_of_others(&self, root: &Task) {
        self.busy.set(true);
        if self.watching.get() {
            self.tell(None);
        }
        self.turn();
        if self.watching.get() {
            self.tell(Some(root));
        }
        self.busy.set(false);
    }

    /// Ends park `seq` of `task`. Anything may call it in this thread. False: it is not in that park.
    pub(super) fn wake(&self, task: &Rc<Task>, seq: u64, why: Wake) -> bool {
        if task.state.get() != State::Parked || task.seq.get() != seq {
            return false;
        }
        self.timers.borrow_mut().remove(task);
        task.state.set(State::Ready);
        task.woken.set(why);
        self.ready.borrow_mut().push(task.priority, task.clone());
        true
    }

    /// Ends the park that a key names. False: whom it names is no more.
    pub(super) fn wake_key(&self, key: Key) -> bool {
        let live = self.live.borrow();
        let Some(task) = (if key.slot == u32::MAX { Some(&self.root) } else { live.find(key.slot, key.id) }) else {
            return false;
        };
        if key.seq == Key::UNPARK {
            task.token.set(true);
            if task.what.get() == super::current::UNPARKED {
                self.wake(task, task.seq.get(), Wake::Event);
            }
        } else {
            self.wake(task, key.seq, Wake::Event);
        }
        true
    }

    /// The loop of the root: returns when the root's own park or turn is over.
    fn turn(&self) {
        loop {
            let turns = self.turns.get().wrapping_add(1);
            self.turns.set(turns);
            if turns.is_multiple_of(LOOK) {
                self.look(Some(0));
            }
            if self.inbox.is_filled() {
                self.read_inbox();
            }
            match self.next() {
                Some(task) if task.is_root() => return,
                Some(task) => self.run(task),
                None => self.idle(),
            }
        }
    }

    #[cold]
    fn read_inbox(&self) {
        for key in self.inbox.take() {
            self.wake_key(key);
        }
    }

    #[inline(always)]
    fn run(&self, task: Rc<Task>) {
        task.state.set(State::Running);
        let record = Rc::as_ptr(&task);
        // SAFETY: see the header: this is the switch.
        let before = unsafe { std::mem::replace(&mut *self.current.get(), task) };
        self.switches.set(self.switches.get() + 1);
        if self.watching.get() {
            // SAFETY: `current` keeps the record.
            self.tell(Some(unsafe { &*record }));
        }
        self.busy.set(false);
        // SAFETY: as above; it was ready, so it does not run.
        let ended = unsafe { (*record).resume() };
        self.busy.set(true);
        if self.watching.get() {
            self.tell(None);
        }
        // SAFETY: as above.
        let task = unsafe { std::mem::replace(&mut *self.current.get(), before) };
        if task.state.get() == State::Yielding {
            task.state.set(State::Ready);
            self.ready.borrow_mut().push(task.priority, task);
        } else if let Some(stack) = ended {
            self.give_back(stack);
            self.ended(&task);
        } else if task.abandoned.get() {
            self.forget(&task);
        }
    }

    /// Forgets a coroutine where it is.
    fn forget(&self, task: &Task) {
        task.forget();
        // It may be in a list where another thread finds it.
        std::mem::forget(self.inbox.clone());
        self.ended(task);
    }

    /// Tells those who wait for a coroutine's end.
    fn ended(&self, task: &Task) {
        task.state.set(State::Finished);
        self.timers.borrow_mut().remove(task);
        self.live.borrow_mut().remove(task);
        task.joiners.borrow_mut().wake_all();
        for waker in task.take_extra(|e| &mut e.wakers) {
            waker.wake();
        }
        if self.live.borrow().len() == 0 {
            arch::set_local(std::ptr::null());
        }
    }

    /// Nobody is ready: waits for the first timer or descriptor, or for another thread.
    fn idle(&self) {
        let next = self.timers.borrow().first();
        let signals = self.root.on_signal.get() == OnSignal::End || !self.masks.borrow().is_empty();
        if next.is_none() && !self.events.any() && !signals && self.outside.get() == 0 {
            let root = &self.root;
            self.wake(root, root.seq.get(), Wake::Stuck);
            return;
        }
        self.look(next.map(|at| at.saturating_sub(sys::monotonic())));
    }

    /// Wakes whoever is due, after at most `timeout` nanoseconds.
    fn look(&self, timeout: Option<u64>) {
        let sleeps = timeout != Some(0);
        if sleeps || self.events.any() {
            let mask = self.mask();
            let bell = if sleeps && self.outside.get() > 0 { self.inbox.bell() } else { None };
            // Without a bell the inbox is looked at now and then.
            let most = if bell.is_none() && self.outside.get() > 0 { 1_000_000 } else { NEVER };
            let timeout = if most == NEVER { timeout } else { Some(timeout.unwrap_or(NEVER).min(most)) };
            if bell.is_some() && !self.inbox.sleep() {
                return;
            }
            let woken = self.events.wait(timeout, bell, mask.as_ref(), |t, seq| {
                self.wake(t, seq, Wake::Event);
            });
            if bell.is_some() {
                self.inbox.wake_up();
            }
            if woken == Err(libc::EINTR) {
                self.signalled();
            }
        }
        let now = sys::monotonic();
        self.now.set(now);
        loop {
            let due = self.timers.borrow_mut().due(now);
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
        let mut never = false;
        for (fd, events) in wanted {
            match self.quietly(|| self.events.add(*fd, *events, &task, seq)) {
                Added::Yes => {}
                Added::Ready => {
                    self.wake(&task, seq, Wake::Event);
                }
                Added::Never if wanted.len() > 1 => {}
                Added::Never | Added::Refused => never = true,
            }
        }
        if never {
            self.cancel();
            return None;
        }
        let what = What("a descriptor:", wanted.first().map_or(0, |w| w.0 as u64));
        let woken = self.park(Wait { what, deadline, on_signal, outside: false, firm: false });
        drop(undo);
        Some(woken)
    }

    /// Descriptors that are waited for by edges: see [`super::Source`].
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// Whether the thread ends.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Ends the wait of `task`, and all that it begins later.
    pub(super) fn kill(&self, task: &Rc<Task>) {
        if task.state.get() == State::Finished || task.is_root() {
            return;
        }
        task.killed.set(true);
        if !task.started() && !std::ptr::eq(self.here(), &**task) {
            self.ready.borrow_mut().retain(|t| !Rc::ptr_eq(t, task));
            task.discard();
            super::run_finishers(task);
            self.quietly(|| self.ended(task));
        } else if task.state.get() == State::Ready {
            task.woken.set(Wake::Kill);
        } else if !task.firm.get() {
            self.wake(task, task.seq.get(), Wake::Kill);
        }
    }

    /// The thread ends: its coroutines are killed and run to their ends, in the order in which they were made. (One that
    /// called exit(3) is on its way out by itself.)
    pub(super) fn close(&self) {
        self.closing.set(true);
        let running = self.here().id;
        self.ready.borrow_mut().retain(|_| false);
        loop {
            let rest: Vec<_> = self.live.borrow().all().into_iter().filter(|t| t.id != running).collect();
            rest.iter().for_each(|t| t.killed.set(true));
            for task in &rest {
                if task.started() && task.state.get() == State::Ready {
                    self.ready.borrow_mut().push(0, task.clone());
                }
                self.kill(task);
                self.busy.set(true);
                while let Some(task) = self.next() {
                    self.run(task);
                }
                self.busy.set(false);
            }
            let left = self.live.borrow().all().into_iter().filter(|t| t.id != running);
            let left: Vec<_> = left.filter(|t| rest.iter().any(|r| r.id == t.id)).collect();
            if left.len() == rest.len() {
                // They wait for what will not come, or there are none.
                left.iter().for_each(|t| self.forget(t));
                break;
            }
        }
        arch::set_local(std::ptr::null());
    }

    fn next(&self) -> Option<Rc<Task>> {
        self.ready.borrow_mut().pop()
    }

    /// For the child of a fork, in the thread that made it: whoever runs and the root are all there is.
    pub(super) fn after_fork(&self) {
        let current = self.current();
        self.events.after_fork();
        self.inbox.after_fork();
        self.timers.borrow_mut().clear();
        self.masks.borrow_mut().retain(|(t, _)| t.is_root() || Rc::ptr_eq(t, &current));
        self.ready.borrow_mut().retain(|t| t.is_root());
        let all = self.live.borrow().all();
        for task in all.iter().filter(|t| !Rc::ptr_eq(t, &current)) {
            self.forget(task);
        }
        // What it waited for has to be asked for anew.
        self.wake(&self.root, self.root.seq.get(), Wake::Event);
    }
}
