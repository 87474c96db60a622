//! Descriptors that the coroutines of one thread wait for: an epoll instance of the thread's own.
//!
//! A descriptor is armed for one event at a time (EPOLLONESHOT), for what its waiters together want; the event wakes all that
//! it concerns, and they try their calls again. So a stale registration (the program closed or replaced the descriptor) costs
//! a needless try at most. What this crate opened itself is registered once, by edges: see [`Source`].
//!
//! The wait is libc's epoll_pwait or ppoll, by their real functions: in a virtual thread the gate below makes a park of it.

use super::fork;
use super::record::{OnSignal, Task, Wake, What};
use super::scheduler::Wait;
use super::waiters::{Waiters, wait_until};
use crate::hooks::real;
use crate::sys::{self, nr};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Events taken at a time.
const BATCH: usize = 64;
/// epoll_pwait counts milliseconds: what is left below this is waited for with ppoll.
const PRECISE_NS: u64 = 2_000_000;

struct Interest {
    task: Rc<Task>,
    seq: u64,
    events: u32,
}

#[derive(Default)]
struct Descriptor {
    waiters: Vec<Interest>,
    registered: bool,
}

/// See the header.
pub(crate) struct Events {
    epoll: Cell<i32>,
    descriptors: RefCell<HashMap<i32, Descriptor>>,
    /// How many interests there are.
    count: Cell<usize>,
    sources: RefCell<Vec<Option<Rc<Source>>>>,
    /// The bell that is registered, or -1.
    bell: Cell<i32>,
    /// The process, as [`super::fork::generation`] counts them, in which `epoll` was made.
    generation: Cell<u64>,
}

/// What [`Events::add`] answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Added {
    /// A waker will come.
    Yes,
    /// It is ready now; it is to be taken back as usual.
    Ready,
    /// The descriptor is of a kind that never makes one wait (regular files, EPERM), or not open.
    Never,
    /// The kernel has no room for it.
    Refused,
}

impl Events {
    pub(super) fn new() -> Events {
        Events {
            epoll: Cell::new(-1),
            descriptors: RefCell::default(),
            count: Cell::new(0),
            sources: RefCell::default(),
            bell: Cell::new(-1),
            generation: Cell::new(fork::generation()),
        }
    }

    /// Whether anybody waits for a descriptor.
    pub(super) fn any(&self) -> bool {
        self.count.get() > 0
    }

    /// The epoll instance, made at first use.
    fn epoll(&self) -> Option<usize> {
        if self.generation.get() != fork::generation() {
            self.after_fork();
        }
        if self.epoll.get() < 0 {
            // SAFETY: no pointers.
            let fd = by_libc(|| unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) });
            if fd < 0 {
                return None;
            }
            self.epoll.set(out_of_the_way(fd));
            for source in self.sources.borrow().iter().flatten() {
                source.register(self.epoll.get() as usize);
            }
        }
        Some(self.epoll.get() as usize)
    }

    /// Notes that park `seq` of `task` ends when one of `events` comes.
    pub(super) fn add(&self, fd: i32, events: u32, task: &Rc<Task>, seq: u64) -> Added {
        let Some(epoll) = self.epoll() else {
            return Added::Refused;
        };
        if let Some(Some(source)) = self.sources.borrow().get(fd as usize) {
            source.others.borrow_mut().push(Interest { task: task.clone(), seq, events });
            self.count.set(self.count.get() + 1);
            // Edges tell of changes only.
            return if is_ready(fd, events) { Added::Ready } else { Added::Yes };
        }
        let mut descriptors = self.descriptors.borrow_mut();
        let d = descriptors.entry(fd).or_default();
        d.waiters.push(Interest { task: task.clone(), seq, events });
        let answer = d.arm(epoll, fd);
        if answer == Added::Yes {
            self.count.set(self.count.get() + 1);
        } else {
            d.waiters.pop();
        }
        answer
    }

    /// Takes back what [`Events::add`] noted for a task. The kernel is left as it is: see the header.
    pub(super) fn remove(&self, fd: i32, task: &Rc<Task>) {
        let mut descriptors = self.descriptors.borrow_mut();
        let forget = |waiters: &mut Vec<Interest>| {
            let before = waiters.len();
            waiters.retain(|i| !Rc::ptr_eq(&i.task, task));
            self.count.set(self.count.get().saturating_sub(before - waiters.len()));
        };
        if let Some(d) = descriptors.get_mut(&fd) {
            forget(&mut d.waiters);
        }
        if let Some(Some(source)) = self.sources.borrow().get(fd as usize) {
            forget(&mut source.others.borrow_mut());
        }
    }

    /// Waits, at most `timeout` nanoseconds if there is one, and calls `wake` for each park that ends. The error is errno's.
    ///
    /// `mask` is the thread's signal mask while it waits.
    pub(super) fn wait(
        &self,
        timeout: Option<u64>,
        bell: Option<i32>,
        mask: Option<&libc::sigset_t>,
        mut wake: impl FnMut(&Rc<Task>, u64),
    ) -> Result<(), i32> {
        let mask = mask.map_or(std::ptr::null(), std::ptr::from_ref);
        let epoll = if self.any() || bell.is_some() { self.epoll() } else { None };
        if let (Some(epoll), Some(bell)) = (epoll, bell)
            && self.bell.replace(bell) != bell
        {
            control(epoll, libc::EPOLL_CTL_ADD, bell, libc::EPOLLIN as u32, BELL);
        }
        let fine = timeout.filter(|ns| *ns > 0 && *ns < PRECISE_NS);
        let mut milliseconds = timeout.map_or(-1, |ns| (ns / 1_000_000).min(i32::MAX as u64) as i32);
        if epoll.is_none() || fine.is_some() {
            let mut poll = libc::pollfd { fd: epoll.map_or(-1, |e| e as i32), events: libc::POLLIN, revents: 0 };
            let time = timeout
                .map(|ns| libc::timespec { tv_sec: (ns / 1_000_000_000) as i64, tv_nsec: (ns % 1_000_000_000) as i64 });
            let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
            // SAFETY: one element, a time or none, a mask or none; ppoll(2).
            if unsafe { real::ppoll(&raw mut poll, 1, time, mask) } < 0 {
                return Err(super::errno());
            }
            milliseconds = 0;
        }
        let Some(epoll) = epoll else { return Ok(()) };
        let mut batch = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        // SAFETY: room for BATCH events; a mask or none.
        let n = unsafe { real::epoll_pwait(epoll as i32, batch.as_mut_ptr(), BATCH as i32, milliseconds, mask) };
        if n < 0 {
            return Err(super::errno());
        }
        let mut descriptors = self.descriptors.borrow_mut();
        for event in &batch[..n as usize] {
            let (data, events) = (event.u64, event.events);
            if data & SOURCE != 0 {
                self.edge(data, events, &mut wake);
                continue;
            }
            let fd = data as i32;
            let Some(d) = descriptors.get_mut(&fd) else {
                continue;
            };
            let before = d.waiters.len();
            // Errors concern everybody (poll(2)).
            let hit = |i: &Interest| events & (i.events | (libc::EPOLLERR | libc::EPOLLHUP) as u32) != 0;
            d.waiters.iter().filter(|i| hit(i)).for_each(|i| wake(&i.task, i.seq));
            d.waiters.retain(|i| !hit(i));
            self.count.set(self.count.get() - (before - d.waiters.len()));
            if !d.waiters.is_empty() && d.arm(epoll, fd) != Added::Yes {
                // They try again, and meet the reason.
                d.waiters.iter().for_each(|i| wake(&i.task, i.seq));
                self.count.set(self.count.get() - d.waiters.len());
                d.waiters.clear();
            }
        }
        Ok(())
    }

    /// For the child of a fork: the epoll instance is the parent's, and nobody waits.
    pub(super) fn after_fork(&self) {
        let epoll = self.epoll.replace(-1);
        if epoll >= 0 {
            close(epoll);
        }
        self.descriptors.borrow_mut().clear();
        self.count.set(0);
        self.bell.set(-1);
        self.generation.set(fork::generation());
    }

    /// Registers a descriptor for edges.
    pub(crate) fn source(&self, fd: i32) -> std::io::Result<Rc<Source>> {
        let Some(epoll) = self.epoll() else {
            return Err(std::io::Error::last_os_error());
        };
        static LAST: AtomicU32 = AtomicU32::new(0);
        let data = SOURCE | u64::from(LAST.fetch_add(1, Relaxed) & 0x7fff_ffff) << 32 | fd as u64;
        let source = Rc::new(Source::new(fd, data));
        match source.register(epoll) {
            0 => {}
            errno => return Err(std::io::Error::from_raw_os_error(errno)),
        }
        let mut sources = self.sources.borrow_mut();
        if sources.len() <= fd as usize {
            sources.resize(fd as usize + 1, None);
        }
        sources[fd as usize] = Some(source.clone());
        Ok(source)
    }

    /// Forgets a source, whose descriptor is about to be closed.
    pub(crate) fn remove_source(&self, source: &Source) {
        if let Some(epoll) = self.epoll() {
            control(epoll, libc::EPOLL_CTL_DEL, source.fd, 0, 0);
        }
        if let Some(place) = self.sources.borrow_mut().get_mut(source.fd as usize) {
            *place = None;
        }
    }

    /// An edge has come.
    fn edge(&self, data: u64, events: u32, mut wake: impl FnMut(&Rc<Task>, u64)) {
        let sources = self.sources.borrow();
        let Some(Some(source)) = sources.get(data as u32 as usize) else { return };
        if source.data != data {
            // Of a descriptor that had this number before, or of the bell, which needs nothing.
            return;
        }
        // They are taken out when they have woken up.
        source.others.borrow().iter().for_each(|i| wake(&i.task, i.seq));
        let failed = events & (libc::EPOLLERR | libc::EPOLLHUP) as u32 != 0;
        if failed || events & libc::EPOLLRDHUP as u32 != 0 {
            source.over.set(true);
        }
        if failed || events & (libc::EPOLLIN | libc::EPOLLRDHUP) as u32 != 0 {
            source.ready.set(source.ready.get() | libc::EPOLLIN as u32);
            source.readers.borrow_mut().wake_all();
        }
        if failed || events & libc::EPOLLOUT as u32 != 0 {
            source.ready.set(source.ready.get() | libc::EPOLLOUT as u32);
            source.writers.borrow_mut().wake_all();
        }
    }
}

/// Marks what [`Events::source`] registered: a count, and the descriptor's number follow.
const SOURCE: u64 = 1 << 63;
/// Marks the bell: a number that no source has.
const BELL: u64 = SOURCE | 0xffff_ffff;

/// Whether one of the events is there now.
fn is_ready(fd: i32, events: u32) -> bool {
    let mut p = libc::pollfd { fd, events: events as i16, revents: 0 };
    // SAFETY: one element; no waiting.
    unsafe { sys::syscall3(nr(libc::SYS_poll), &raw mut p as usize, 1, 0) != 0 }
}

/// epoll_ctl(2); the error is errno's, 0 for none.
fn control(epoll: usize, op: i32, fd: i32, events: u32, data: u64) -> i32 {
    let event = libc::epoll_event { events, u64: data };
    // SAFETY: the event is readable; the kernel copies it.
    let r =
        unsafe { sys::syscall4(nr(libc::SYS_epoll_ctl), epoll, op as usize, fd as usize, &raw const event as usize) };
    if sys::is_err(r) { -r as i32 } else { 0 }
}

/// Makes a call of libc's, which the gate sees if it is open: it has to know when a descriptor that threads wait for is made and
/// closed. errno stays as it was.
pub(super) fn by_libc(call: impl FnOnce() -> i32) -> i32 {
    let errno = super::errno();
    let result = call();
    super::set_errno(errno);
    result
}

/// Closes a descriptor of ours.
pub(super) fn close(fd: i32) {
    // SAFETY: no pointers.
    by_libc(|| unsafe { libc::close(fd) });
}

/// Gives a descriptor of ours a high number, if the limit allows it: programs count on low ones.
pub(super) fn out_of_the_way(low: i32) -> i32 {
    // SAFETY: no pointers.
    let high = by_libc(|| unsafe { libc::fcntl(low, libc::F_DUPFD_CLOEXEC, HIGH) });
    if high < 0 {
        return low;
    }
    close(low);
    high
}

/// A descriptor that this crate opened, non-blocking, and registered once: the kernel tells when it becomes ready, and a call
/// that does not have to wait costs nothing beside itself.
///
/// `ready` says what may be ready. A call that got EAGAIN, or less of a stream than it asked for, says so; what comes after
/// that comes as an edge. (The edge of the other end's closing may have come with the last bytes.)
pub(crate) struct Source {
    fd: i32,
    data: u64,
    ready: Cell<u32>,
    /// The other end has closed, or something is wrong: no more edges come, and reads do not wait.
    over: Cell<bool>,
    readers: RefCell<Waiters>,
    writers: RefCell<Waiters>,
    /// Those who wait for it by its number (poll and its kin).
    others: RefCell<Vec<Interest>>,
}

impl Source {
    fn new(fd: i32, data: u64) -> Source {
        Source {
            fd,
            data,
            ready: Cell::new((libc::EPOLLIN | libc::EPOLLOUT) as u32),
            over: Cell::new(false),
            readers: RefCell::default(),
            writers: RefCell::default(),
            others: RefCell::default(),
        }
    }

    fn register(&self, epoll: usize) -> i32 {
        let events = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
        control(epoll, libc::EPOLL_CTL_ADD, self.fd, events as u32, self.data)
    }

    /// A call got EAGAIN: EPOLLIN or EPOLLOUT is no more.
    #[inline]
    pub(crate) fn exhausted(&self, event: u32) {
        self.ready.set(self.ready.get() & !event);
    }

    /// A call got less of a stream than it asked for.
    #[inline]
    pub(crate) fn drained(&self) {
        if !self.over.get() {
            self.exhausted(libc::EPOLLIN as u32);
        }
    }

    /// Whether a call may find something.
    #[inline]
    pub(crate) fn may(&self, event: u32) -> bool {
        self.ready.get() & event != 0
    }

    /// Waits for EPOLLIN or EPOLLOUT.
    pub(crate) fn wait(&self, event: u32, deadline: u64) -> Result<(), Wake> {
        let events = super::local::own().events();
        struct Counted<'a>(&'a Cell<usize>);
        impl Drop for Counted<'_> {
            fn drop(&mut self) {
                // (A fork may have set it to 0 meanwhile.)
                self.0.set(self.0.get().saturating_sub(1));
            }
        }
        if self.ready.get() & event != 0 {
            return Ok(());
        }
        events.count.set(events.count.get() + 1);
        let _counted = Counted(&events.count);
        let list = if event == libc::EPOLLIN as u32 { &self.readers } else { &self.writers };
        let what = What("a descriptor:", self.fd as u64);
        let wait = Wait { what, deadline, on_signal: OnSignal::Ignore, outside: false, firm: false };
        wait_until(list, |l| l, |_| (self.ready.get() & event != 0).then_some(()), wait)
    }
}

/// Where our descriptors are numbered from, if the limit allows it.
const HIGH: i32 = 900;

impl Descriptor {
    /// Asks the kernel for the next event that one of the waiters wants.
    fn arm(&mut self, epoll: usize, fd: i32) -> Added {
        let wanted = self.waiters.iter().fold(libc::EPOLLONESHOT as u32, |all, i| all | i.events);
        let control = |op: i32| control(epoll, op, fd, wanted, fd as u64);
        // The program may have closed the descriptor and opened another under its number meanwhile.
        let error = if self.registered {
            match control(libc::EPOLL_CTL_MOD) {
                libc::ENOENT => control(libc::EPOLL_CTL_ADD),
                other => other,
            }
        } else {
            match control(libc::EPOLL_CTL_ADD) {
                libc::EEXIST => control(libc::EPOLL_CTL_MOD),
                other => other,
            }
        };
        self.registered = error == 0;
        match error {
            0 => Added::Yes,
            libc::EPERM | libc::EBADF => Added::Never,
            _ => Added::Refused,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.after_fork();
    }
}
