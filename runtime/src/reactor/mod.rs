//! Readiness of descriptors: one shared epoll, in which each descriptor that was ever waited for is registered once,
//! edge-triggered, for everything.
//!
//! Contract. `Fd::ready` holds the events that may be ready, as far as is known: the kernel adds to it ([`poll`]), a call
//! takes out what it is about to try *before* it tries. So a call that finds its event absent may park without asking the
//! kernel, and whatever arrives after the taking-out comes back as an edge. Waiters hang on the descriptor's entry in
//! nodes of their own. An event that was registered for an earlier life of the number carries an old generation and is
//! dropped. Events wake everyone they concern: each tries again.
//!
//! The poller sleeps here; [`kick()`] ends its sleep through an eventfd, which only the poller reads (sched/roles.rs says who that
//! is). The child of a fork for which there are no descriptors does without both: it sleeps on a futex, its calls on descriptors
//! are the kernel's, and it can have no second thread until there are descriptors ([`complete`]).

mod afterlife;
mod fd;
mod inherited;
mod kick;
pub(crate) mod mode;
mod own;
mod waits;
mod word;

pub(crate) use afterlife::leave;
pub(crate) use fd::{Armed, Fd, FdWait, Kind, arm, closing, disarm, entry, forget, known, room, socket_option, watch};
pub(crate) use inherited::at_load;
pub(crate) use own::{is_own, next_own, raise as take_own};
pub(crate) use waits::FdWaits;

use crate::sys::kernel::{EpollEvent, Timespec};
use crate::sys::{self, nr};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering::*};

/// The epoll descriptor and the eventfd in it.
static EPOLL: AtomicI32 = AtomicI32::new(-1);
static EVENT: AtomicI32 = AtomicI32::new(-1);
static NOTE: kick::Kick = kick::Kick::new();
/// In place of the eventfd, where there is none.
static WORD: word::Word = word::Word::new();

/// `epoll_data` of the eventfd; no descriptor and generation look like it.
const KICK: u64 = u64::MAX;
/// Events taken at a time.
const BATCH: usize = 128;
/// So many events ahead, the memory that one will need is asked for.
const FETCH_ENTRY: usize = 8;
const FETCH_WAITER: usize = 4;

/// Makes the epoll and its eventfd, and room for so many descriptors; higher ones are not waited for here.
pub(crate) fn init(descriptors: usize) -> Result<(), i32> {
    fd::reserve(descriptors)?;
    inherited::at_open();
    open()
}

/// Gives everything back that [`init`] has made, or a part of it.
///
/// # Safety
/// Nobody uses the reactor.
pub(crate) unsafe fn give_up() {
    // SAFETY: by contract.
    unsafe {
        own::close_all();
        fd::give_up();
    }
}

fn open() -> Result<(), i32> {
    // SAFETY: calls without pointers, and one that copies a structure of ours.
    unsafe {
        let ep = own::raise(sys::syscall1(nr(libc::SYS_epoll_create1), libc::EPOLL_CLOEXEC as usize))?;
        let flags = (libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) as usize;
        let ev = own::raise(sys::syscall2(nr(libc::SYS_eventfd2), 0, flags)).inspect_err(|_| own::close(ep))?;
        let e = EpollEvent { events: libc::EPOLLIN as u32, data: KICK };
        let (op, e) = (libc::EPOLL_CTL_ADD as usize, &raw const e as usize);
        let r = sys::syscall4(nr(libc::SYS_epoll_ctl), ep as usize, op, ev as usize, e);
        if sys::is_err(r) {
            own::close(ep);
            own::close(ev);
            return Err(-r as i32);
        }
        EPOLL.store(ep, SeqCst);
        EVENT.store(ev, SeqCst);
    }
    Ok(())
}

/// The descriptors that [`poll`] and [`kick()`] need, the lower one first.
pub(crate) fn descriptors() -> [i32; 2] {
    let (a, b) = (EPOLL.load(Relaxed), EVENT.load(Relaxed));
    [a.min(b), a.max(b)]
}

/// Makes up for what the child of a fork could not have. The process has one thread.
pub(crate) fn complete() -> Result<(), i32> {
    if EPOLL.load(Relaxed) >= 0 { Ok(()) } else { open() }
}

/// Registers a descriptor for everything, edge-triggered.
fn register(fd: i32, generation: u32) -> Result<(), i32> {
    let all = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLPRI | libc::EPOLLRDHUP | libc::EPOLLET;
    let e = EpollEvent { events: all as u32, data: (generation as u64) << 32 | fd as u64 };
    let (ep, e) = (EPOLL.load(Relaxed) as usize, &raw const e as usize);
    // SAFETY: epoll_ctl copies the structure.
    unsafe {
        let r = sys::syscall4(nr(libc::SYS_epoll_ctl), ep, libc::EPOLL_CTL_ADD as usize, fd as usize, e);
        if r != -libc::EEXIST as isize {
            return if sys::is_err(r) { Err(-r as i32) } else { Ok(()) };
        }
        // The same file came back under the same number while another descriptor kept it registered.
        let r = sys::syscall4(nr(libc::SYS_epoll_ctl), ep, libc::EPOLL_CTL_MOD as usize, fd as usize, e);
        if sys::is_err(r) { Err(-r as i32) } else { Ok(()) }
    }
}

/// Takes a descriptor out of the epoll.
fn unregister(fd: i32) {
    let (ep, del) = (EPOLL.load(Relaxed) as usize, libc::EPOLL_CTL_DEL as usize);
    // SAFETY: no pointers; an error says that it is not in.
    unsafe { sys::syscall4(nr(libc::SYS_epoll_ctl), ep, del, fd as usize, 0) };
}

/// Takes events from the kernel and wakes those who wait for them; waits for one at most `timeout` nanoseconds, `None`:
/// until there is one.
pub(crate) fn poll(timeout: Option<u64>) {
    if EPOLL.load(Relaxed) < 0 {
        return NOTE.take(|| WORD.wait(timeout));
    }
    let mut events = [MaybeUninit::<EpollEvent>::uninit(); BATCH];
    let n = wait(&mut events, timeout);
    // SAFETY: the kernel filled the first `n`.
    let number = |i: usize| (i < n).then(|| unsafe { events[i].assume_init_ref() }.data as u32);
    for (i, e) in events[..n].iter().enumerate() {
        if let Some(fd) = number(i + FETCH_ENTRY) {
            fd::fetch_entry(fd);
        }
        if let Some(fd) = number(i + FETCH_WAITER) {
            fd::fetch_waiter(fd);
        }
        // SAFETY: the kernel filled the first `n`.
        let EpollEvent { events, data } = unsafe { e.assume_init() };
        if data == KICK {
            NOTE.take(|| {
                let mut count = 0u64;
                // SAFETY: an eventfd gives 8 bytes.
                unsafe { sys::syscall3(nr(libc::SYS_read), EVENT.load(Relaxed) as usize, &raw mut count as usize, 8) };
            });
        } else {
            fd::event(data as u32, (data >> 32) as u32, events);
        }
    }
}

/// epoll_pwait2 (Linux 5.11) has nanoseconds; before it, milliseconds rounded up.
fn wait(events: &mut [MaybeUninit<EpollEvent>; BATCH], timeout: Option<u64>) -> usize {
    static OLD_KERNEL: AtomicBool = AtomicBool::new(false);
    let ts = Timespec::from_nanos(timeout.unwrap_or(0));
    let (ep, at) = (EPOLL.load(Relaxed) as usize, events.as_mut_ptr() as usize);
    let ts_at = if timeout.is_some() { &raw const ts as usize } else { 0 };
    if !OLD_KERNEL.load(Relaxed) {
        // SAFETY: room for BATCH events; the timeout is readable.
        let r = unsafe { sys::syscall6(nr(libc::SYS_epoll_pwait2), ep, at, BATCH, ts_at, 0, 8) };
        if r != -libc::ENOSYS as isize && r != -libc::EPERM as isize {
            return r.max(0) as usize;
        }
        OLD_KERNEL.store(true, Relaxed);
    }
    let ms = timeout.map_or(-1, |ns| ns.div_ceil(1_000_000).min(i32::MAX as u64) as i32);
    // SAFETY: as above.
    let r = unsafe { sys::syscall6(nr(libc::SYS_epoll_pwait), ep, at, BATCH, ms as usize, 0, 8) };
    r.max(0) as usize
}

/// Ends the poller's sleep, the present one or the one it is about to begin. Safe in a signal handler.
pub(crate) fn kick() {
    NOTE.give(|| {
        if EVENT.load(Relaxed) < 0 {
            return WORD.wake();
        }
        let one = 1u64;
        // SAFETY: an eventfd takes 8 bytes.
        unsafe { sys::syscall3(nr(libc::SYS_write), EVENT.load(Relaxed) as usize, &raw const one as usize, 8) };
    });
}

/// For the child of a fork: descriptors of its own, nobody waits.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract; the descriptors are ours.
    unsafe {
        fd::after_fork();
        own::close_all();
    }
    NOTE.after_fork();
    EPOLL.store(-1, SeqCst);
    EVENT.store(-1, SeqCst);
    // Without them: see the header.
    let _ = open();
}
