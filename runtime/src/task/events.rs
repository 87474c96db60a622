//! Descriptors that the coroutines of one thread wait for: an epoll instance of the thread's own.
//!
//! A descriptor is armed for one event at a time (EPOLLONESHOT), for what its waiters together want; the event wakes all that
//! it concerns, and they try their calls again. So a stale registration (the program closed or replaced the descriptor) costs
//! a needless try at most.
//!
//! The wait is libc's epoll_pwait or ppoll, by their real functions: in a virtual thread the gate below makes a park of it.

use super::fork;
use super::record::Task;
use crate::hooks::real;
use crate::sys::{self, nr};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

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
pub(super) struct Events {
    epoll: Cell<i32>,
    descriptors: RefCell<HashMap<i32, Descriptor>>,
    /// How many interests there are.
    count: Cell<usize>,
    /// The process, as [`super::fork::generation`] counts them, in which `epoll` was made.
    generation: Cell<u64>,
}

/// What [`Events::add`] answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Added {
    /// A waker will come.
    Yes,
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
            // SAFETY: epoll_create1 and fcntl have no pointers; the descriptor is ours.
            unsafe {
                let low = sys::syscall1(nr(libc::SYS_epoll_create1), libc::EPOLL_CLOEXEC as usize);
                if sys::is_err(low) {
                    return None;
                }
                // Out of the way of programs that count on low numbers.
                let high = sys::syscall3(nr(libc::SYS_fcntl), low as usize, libc::F_DUPFD_CLOEXEC as usize, HIGH);
                if sys::is_err(high) {
                    self.epoll.set(low as i32);
                } else {
                    sys::syscall1(nr(libc::SYS_close), low as usize);
                    self.epoll.set(high as i32);
                }
            }
        }
        Some(self.epoll.get() as usize)
    }

    /// Notes that park `seq` of `task` ends when one of `events` comes.
    pub(super) fn add(&self, fd: i32, events: u32, task: &Rc<Task>, seq: u64) -> Added {
        let Some(epoll) = self.epoll() else {
            return Added::Refused;
        };
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
        if let Some(d) = self.descriptors.borrow_mut().get_mut(&fd) {
            let before = d.waiters.len();
            d.waiters.retain(|i| !Rc::ptr_eq(&i.task, task));
            self.count.set(self.count.get() - (before - d.waiters.len()));
        }
    }

    /// Waits, at most `timeout` nanoseconds if there is one, and calls `wake` for each park that ends. The error is errno's.
    ///
    /// `mask` is the thread's signal mask while it waits.
    pub(super) fn wait(
        &self,
        timeout: Option<u64>,
        mask: Option<&libc::sigset_t>,
        mut wake: impl FnMut(&Rc<Task>, u64),
    ) -> Result<(), i32> {
        let mask = mask.map_or(std::ptr::null(), std::ptr::from_ref);
        let epoll = if self.any() { self.epoll() } else { None };
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
            let (fd, events) = (event.u64 as i32, event.events);
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
            // SAFETY: our own descriptor; the parent has its own.
            unsafe { sys::syscall1(nr(libc::SYS_close), epoll as usize) };
        }
        self.descriptors.borrow_mut().clear();
        self.count.set(0);
        self.generation.set(fork::generation());
    }
}

/// Where our descriptors are numbered from, if the limit allows it.
const HIGH: usize = 900;

impl Descriptor {
    /// Asks the kernel for the next event that one of the waiters wants.
    fn arm(&mut self, epoll: usize, fd: i32) -> Added {
        let wanted = self.waiters.iter().fold(libc::EPOLLONESHOT as u32, |all, i| all | i.events);
        let event = libc::epoll_event { events: wanted, u64: fd as u64 };
        let control = |op: i32| {
            // SAFETY: the event is readable; the kernel copies it.
            let r = unsafe {
                sys::syscall4(nr(libc::SYS_epoll_ctl), epoll, op as usize, fd as usize, &raw const event as usize)
            };
            if sys::is_err(r) { -r as i32 } else { 0 }
        };
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
