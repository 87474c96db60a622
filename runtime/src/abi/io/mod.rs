//! Reading, writing, accepting and connecting: calls on one descriptor that wait until it is ready.
//!
//! A call is *tried* without blocking, with no change to the descriptor's flags, and parks when the kernel says EAGAIN.
//! What is tried is in the files below; [`until_ready`] is the waiting that they share:
//!
//! * Edges. Bits of `Fd::ready` are taken out before a try whose failure means waiting, so that what arrives later comes
//!   as an edge. HUP, ERR and RDHUP stay in, because reads that follow must not wait; but if they are all that keeps a
//!   call from parking (an error that has been fetched), they are taken out, too, for one more try.
//! * Nothing is remembered but `call.done` (bytes or messages so far), `call.word` and the deadline. The arguments are read
//!   again at each try, as the kernel would see them.
//! * What is done when a signal, an error or a timeout comes is the result, as in the kernel.

pub(crate) mod accept;
pub(crate) mod connect;
pub(crate) mod many;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod splice;
pub(crate) mod transfer;

use super::{Step, after, err, prepare, signal};
use crate::reactor::mode::{NONBLOCK, RECEIVE_TIMEOUT, SEND_TIMEOUT, timeout};
use crate::reactor::{self, Armed, Fd, Kind};
use crate::sched::state::Wake;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sched::timer::NEVER;
use crate::sys::{self, nr};

/// Readiness for reading, for writing.
pub(super) const IN: u32 = libc::EPOLLIN as u32;
/// See above.
pub(super) const OUT: u32 = libc::EPOLLOUT as u32;
/// States rather than events.
const STICKY: u32 = (libc::EPOLLHUP | libc::EPOLLERR | libc::EPOLLRDHUP) as u32;

/// The kernel's answer "not now".
pub(super) const AGAIN: isize = -libc::EAGAIN as isize;

/// A descriptor whose call may have to wait.
#[derive(Clone, Copy)]
pub(super) struct File {
    pub(super) fd: i32,
    pub(super) entry: &'static Fd,
    pub(super) kind: Kind,
}

/// The descriptor in argument 0, unless the call cannot hold anybody up: then the kernel shall make it.
#[inline(always)]
pub(super) fn file(t: ThreadRef) -> Option<File> {
    let mut fd = t.arg(0) as i32;
    if t.woken().is_some() {
        fd = t.fd_wait.moved_to().unwrap_or(fd);
    } else {
        if tids::live() == 1 {
            return None;
        }
        t.fd_wait.begin();
        t.call.done.set(0);
        t.call.word.set(0);
        t.call.deadline.set(NEVER);
    }
    let entry = reactor::entry(fd)?;
    match entry.kind(fd)? {
        Kind::File => None,
        kind => Some(File { fd, entry, kind }),
    }
}

/// What a try gave, and what it says about readiness.
pub(super) enum Tried {
    /// This result; nothing is left, as far as can be known.
    Drained(isize),
    /// This result.
    Done(isize),
}

/// How a call waits.
pub(super) struct Wait {
    /// [`IN`] or [`OUT`].
    pub(super) events: u32,
    /// The caller itself asked not to wait (MSG_DONTWAIT).
    pub(super) never: bool,
    /// Park without a try when the descriptor is known to be drained.
    pub(super) may_skip: bool,
    /// Errno after the socket's timeout.
    pub(super) timed_out: i32,
}

impl Wait {
    pub(super) const fn to_read() -> Wait {
        Wait { events: IN, never: false, may_skip: true, timed_out: libc::EAGAIN }
    }

    pub(super) const fn to_write() -> Wait {
        Wait { events: OUT, never: false, may_skip: false, timed_out: libc::EAGAIN }
    }
}

/// Makes `attempt` until it gives anything but EAGAIN, and parks in between.
#[inline(always)]
pub(super) fn until_ready(t: ThreadRef, f: File, w: &Wait, attempt: impl FnMut() -> Tried) -> Step {
    let step = try_and_park(t, f, w, attempt);
    if !matches!(step, Step::Park) {
        reactor::leave(&t.fd_wait);
    }
    step
}

#[inline(always)]
fn try_and_park(t: ThreadRef, f: File, w: &Wait, mut attempt: impl FnMut() -> Tried) -> Step {
    let first = t.woken().is_none();
    match t.woken() {
        Some(Wake::Timeout) => {
            reactor::disarm(&t.fd_wait);
            return partial_or(t, err(w.timed_out));
        }
        Some(Wake::Signal) => {
            reactor::disarm(&t.fd_wait);
            return partial_or(t, Step::Interrupted);
        }
        None | Some(Wake::Event | Wake::Retry) => {}
    }
    // A reader takes its bit out at once, because it may leave the descriptor drained; a writer only when it has to wait.
    let mut take = if w.events == IN { IN } else { 0 };
    let mut skip = first && w.may_skip && f.entry.is_drained(w.events) && blocks(f, w) == Some(true);
    loop {
        if !skip {
            let taken = f.entry.about_to_try(take);
            let sticky = taken & STICKY;
            match attempt() {
                Tried::Done(AGAIN) | Tried::Drained(AGAIN) => {}
                Tried::Done(r) => {
                    f.entry.still_ready(taken);
                    return partial_or(t, Step::Done(r));
                }
                Tried::Drained(r) => {
                    if sticky != 0 {
                        f.entry.still_ready(sticky);
                    }
                    return partial_or(t, Step::Done(r));
                }
            }
            if w.never || f.entry.mode(f.fd) & NONBLOCK != 0 {
                return partial_or(t, err(libc::EAGAIN));
            }
        }
        skip = false;
        let deadline = if first { deadline(f, w) } else { t.call.deadline.get() };
        let seq = prepare(t, deadline, true);
        match reactor::arm(&t.fd_wait, f.fd, w.events, &t.waiter, seq) {
            Armed::Waiting => return Step::Park,
            Armed::Ready => {
                t.waiter.state.cancel();
                take = w.events | STICKY;
            }
            // Closed meanwhile: the next try says so. Or it has no readiness: then the kernel may as well wait.
            Armed::Unpollable(_) => {
                t.waiter.state.cancel();
                return partial_or(t, Step::Native);
            }
        }
    }
}

/// What was done so far, if anything was; a result that is not an error is the whole.
fn partial_or(t: ThreadRef, s: Step) -> Step {
    match (t.call.done.get(), s) {
        (0, s) => s,
        (_, Step::Done(r)) if r >= 0 => Step::Done(r),
        (n, _) => Step::Done(n as isize),
    }
}

/// Whether the call would wait; `None`: the kernel must be asked first.
#[inline(always)]
fn blocks(f: File, w: &Wait) -> Option<bool> {
    f.entry.known_mode().map(|m| m & NONBLOCK == 0 && !w.never)
}

/// SO_RCVTIMEO or SO_SNDTIMEO as a deadline.
fn deadline(f: File, w: &Wait) -> u64 {
    let (bit, option) =
        if w.events == IN { (RECEIVE_TIMEOUT, libc::SO_RCVTIMEO) } else { (SEND_TIMEOUT, libc::SO_SNDTIMEO) };
    if f.entry.mode(f.fd) & bit == 0 {
        return NEVER;
    }
    timeout(f.fd, option).map_or(NEVER, after)
}

/// Whether poll(2) says that events are there now.
pub(in crate::abi) fn is_ready(fd: i32, events: i16) -> bool {
    let mut p = libc::pollfd { fd, events, revents: 0 };
    let now = crate::sys::kernel::Timespec::default();
    // SAFETY: structures of our own; with a zero timeout nothing waits.
    unsafe { sys::syscall5(nr(libc::SYS_ppoll), &raw mut p as usize, 1, &raw const now as usize, 0, 8) != 0 }
}

/// The result of sending, with the SIGPIPE that goes with EPIPE: we always send with MSG_NOSIGNAL, because the kernel
/// would raise the signal for the OS thread.
#[inline(always)]
pub(super) fn sent(t: ThreadRef, r: isize, flags: i32) -> isize {
    if r == -libc::EPIPE as isize && t.call.done.get() == 0 && flags & libc::MSG_NOSIGNAL == 0 {
        signal::raise(t, libc::SIGPIPE);
    }
    r
}
