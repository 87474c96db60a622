//! epoll_wait(2), epoll_pwait(2), epoll_pwait2(2).
//!
//! The program's epoll is a descriptor like others: it is readable when it has events, so it is registered in the engine's
//! own, and the events are fetched by the program's call without a timeout. Every event that is added to it gives an edge,
//! also when it had some before (fs/eventpoll.c, ep_poll_callback and ep_insert wake `poll_wait` in any case).

use super::Step;
use super::ready::{self, Set};
use crate::reactor;
use crate::sched::helper::Call;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::{self, nr};

const IN: u32 = libc::EPOLLIN as u32;

/// epoll_wait(2).
pub(crate) fn epoll_wait(t: ThreadRef) -> Step {
    if t.woken().is_none() && tids::live() == 1 {
        return Step::Native;
    }
    ready::wait(t, &Events::of(t), ready::deadline_ms(t.arg(3) as i32))
}

/// epoll_pwait(2).
pub(crate) fn epoll_pwait(t: ThreadRef) -> Step {
    with_mask(t, |t| Ok(ready::deadline_ms(t.arg(3) as i32)))
}

/// epoll_pwait2(2): the timeout is a timespec, which is not written to.
pub(crate) fn epoll_pwait2(t: ThreadRef) -> Step {
    with_mask(t, |t| ready::deadline_at(t.arg(3)))
}

fn with_mask(t: ThreadRef, deadline: impl Fn(ThreadRef) -> Result<u64, Step>) -> Step {
    let mut d = ready::NO_WAIT;
    if t.woken().is_none() {
        // With a mask of its own the call is never the kernel's: masks are the engine's.
        if t.arg(4) == 0 && tids::live() == 1 {
            return Step::Native;
        }
        d = match deadline(t).and_then(|d| ready::set_mask(t, t.arg(4), t.arg(5)).map(|()| d)) {
            Ok(d) => d,
            Err(e) => return e,
        };
    }
    ready::wait(t, &Events::of(t), d)
}

/// The call's arguments.
struct Events {
    epoll: i32,
    at: usize,
    most: usize,
}

impl Events {
    fn of(t: ThreadRef) -> Events {
        Events { epoll: t.arg(0) as i32, at: t.arg(1), most: t.arg(2) }
    }
}

impl Set for Events {
    fn look(&self, again: bool) -> isize {
        if let Some(e) = reactor::entry(self.epoll) {
            e.about_to_try(IN);
        }
        // SAFETY: the kernel checks the array; with timeout 0 it does not wait.
        let r = unsafe { sys::syscall4(nr(libc::SYS_epoll_wait), self.epoll as usize, self.at, self.most, 0) };
        if r > 0 {
            ready::found_ready(self.epoll, IN);
        }
        if again && r == -libc::EBADF as isize { 0 } else { r }
    }

    fn watch(&self, t: ThreadRef, seq: u64) -> Result<(), i32> {
        ready::watch_one(t, self.epoll, IN, seq, true)
    }

    fn is_drained(&self) -> bool {
        reactor::entry(self.epoll).is_some_and(|e| e.is_drained(IN))
    }

    fn signals_end_a_look(&self) -> bool {
        false
    }

    fn as_call(&self, ms: isize) -> Call {
        [nr(libc::SYS_epoll_wait), self.epoll as usize, self.at, self.most, ms as usize, 0, 0]
    }
}
