//! Those who wait for one thing: an intrusive list of nodes that lie on the stacks of the waiting coroutines.
//!
//! A list is part of what is waited for, and is reached under whatever guards that (a cell, or a lock). Waiting is always
//! the same ([`wait_until`]): try; if that fails, enter the list and park; try again. A waker picks the first of the list.
//! What a picked one is woken for is not to be taken by somebody who comes in between, or the last would wait for ever:
//! [`Waiters::picked`] says how many are on their way, and a try leaves as much for them.
//!
//! Unsafe: the nodes. One is in a list only while [`wait_until`] runs, which takes it out before it returns or unwinds. A
//! coroutine that is forgotten leaves its stack, and the node, where they are for ever.

use super::inbox::{Inbox, Key};
use super::local;
use super::record::Wake;
use super::scheduler::Wait;
use std::cell::Cell;
use std::ptr;

/// Who waits, as a waker in any thread sees it.
#[derive(Clone, Copy)]
pub(crate) struct Who {
    pub(super) inbox: *const Inbox,
    pub(super) key: Key,
}

impl Who {
    /// False: it waits no more and never will, having been abandoned where it was.
    ///
    /// # Safety
    /// The coroutine is still in the wait that this names, or was abandoned in it (its inbox stays then).
    pub(super) unsafe fn wake(&self) -> bool {
        match local::existing() {
            Some(s) if ptr::eq(s.inbox(), self.inbox) => s.wake_key(self.key),
            _ => {
                // SAFETY: by contract.
                unsafe { (*self.inbox).post(self.key) };
                true
            }
        }
    }
}

struct Node {
    next: Cell<*const Node>,
    previous: Cell<*const Node>,
    listed: Cell<bool>,
    who: Who,
}

/// See the header.
pub(crate) struct Waiters {
    first: *const Node,
    last: *const Node,
    picked: usize,
}

// SAFETY: the nodes are reached under the guard of the list only, and may be woken from any thread.
unsafe impl Send for Waiters {}

impl Default for Waiters {
    fn default() -> Self {
        Waiters { first: ptr::null(), last: ptr::null(), picked: 0 }
    }
}

impl Waiters {
    /// How many have been picked and have not run yet.
    pub(crate) fn picked(&self) -> usize {
        self.picked
    }

    /// Wakes the one that has waited longest. False: there is none.
    pub(crate) fn wake_one(&mut self) -> bool {
        // SAFETY: listed nodes are where they are: see the header.
        while let Some(node) = unsafe { self.first.as_ref() } {
            self.unlink(node);
            self.picked += 1;
            // SAFETY: it cannot leave its wait before it has taken the guard of this list.
            if unsafe { node.who.wake() } {
                return true;
            }
            self.picked -= 1;
        }
        false
    }

    /// Wakes all.
    pub(crate) fn wake_all(&mut self) {
        while self.wake_one() {}
    }

    fn link(&mut self, node: &Node, in_front: bool) {
        node.listed.set(true);
        let (before, after) = if in_front { (ptr::null(), self.first) } else { (self.last, ptr::null()) };
        node.previous.set(before);
        node.next.set(after);
        self.join(before, node);
        self.join(node, after);
    }

    fn unlink(&mut self, node: &Node) {
        node.listed.set(false);
        self.join(node.previous.get(), node.next.get());
    }

    /// Makes two nodes neighbours; null stands for the ends of the list.
    fn join(&mut self, before: *const Node, after: *const Node) {
        // SAFETY: listed nodes are where they are.
        unsafe {
            match before.as_ref() {
                Some(b) => b.next.set(after),
                None => self.first = after,
            }
            match after.as_ref() {
                Some(a) => a.previous.set(before),
                None => self.last = before,
            }
        }
    }
}

/// What guards a thing that is waited for.
pub(crate) trait Guard<S> {
    /// Reaches it. `f` must not switch.
    fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> R;
}

impl<S> Guard<S> for std::cell::RefCell<S> {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        f(&mut self.borrow_mut())
    }
}

/// Waits until `attempt` gives something; it is tried first, and each time the list is woken. `Err`: how the wait ended
/// instead (never `Event`).
#[inline]
pub(crate) fn wait_until<S, R>(
    guard: &impl Guard<S>,
    list: impl Fn(&mut S) -> &mut Waiters,
    mut attempt: impl FnMut(&mut S) -> Option<R>,
    wait: Wait,
) -> Result<R, Wake> {
    match guard.with(&mut attempt) {
        Some(r) => Ok(r),
        None => slowly(guard, &list, &mut attempt, wait),
    }
}

fn slowly<S, R>(
    guard: &impl Guard<S>,
    list: &impl Fn(&mut S) -> &mut Waiters,
    attempt: &mut impl FnMut(&mut S) -> Option<R>,
    wait: Wait,
) -> Result<R, Wake> {
    let scheduler = local::own();
    let mut again = false;
    loop {
        let node = Node {
            next: Cell::new(ptr::null()),
            previous: Cell::new(ptr::null()),
            listed: Cell::new(false),
            who: scheduler.who(scheduler.prepare()),
        };
        let done = guard.with(|s| {
            let done = attempt(s);
            if done.is_none() {
                list(s).link(&node, again);
            }
            done
        });
        if let Some(r) = done {
            scheduler.cancel();
            return Ok(r);
        }
        let woken = scheduler.park(wait);
        let picked = guard.with(|s| {
            let list = list(s);
            if node.listed.get() {
                list.unlink(&node);
                return false;
            }
            list.picked -= 1;
            true
        });
        match woken {
            Wake::Event => again = true,
            // Picked, and too late all the same: what it was woken for is taken, or left to the next.
            Wake::Timeout if picked => {
                if let Some(r) = guard.with(&mut *attempt) {
                    return Ok(r);
                }
                return Err(woken);
            }
            _ => {
                if picked {
                    guard.with(|s| list(s).wake_one());
                }
                return Err(woken);
            }
        }
    }
}
