//! Who polls and who sleeps: what a carrier does when it has nothing to run.
//!
//! Rule (DESIGN, invariant 11): while any carrier is idle, exactly one idle carrier is in the poll, until the earliest
//! deadline; the others sleep. Who makes work for others wakes a sleeper, or, when none sleeps, kicks the poller. Who was
//! idle and goes to work sees to it, last of all before it is busy, that somebody polls ([`Roles::busy`]).
//!
//! Both sides use the same order, so that no wake-up is lost: the idle one says that it is going to sleep, then looks at
//! the queues once more; the other one queues, then looks who sleeps (both sequentially consistent).
//!
//! A kick is for the poller and nobody else: it is taken out of the kernel only by who holds the role. A busy carrier that
//! looks at the descriptors in passing therefore takes the role for that moment, or leaves it to who has it. (When both
//! read, the busy one swallowed kicks, and the poller slept past a deadline that had become the earliest.)

use crate::sync::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::*, Spin, const_fn, fence};
use core::cell::Cell;
use core::ptr::null;

/// An OS thread that can be idle.
pub(crate) trait Sleeper: Sized {
    /// The word it sleeps on: 0 asleep or about to, 1 woken.
    fn wake(&self) -> &AtomicU32;
    /// Next in the list of sleepers, under its lock.
    fn next(&self) -> &Cell<*const Self>;
    /// Whether it is in that list, under its lock.
    fn listed(&self) -> &Cell<bool>;
}

/// What the protocol is about.
pub(crate) trait World {
    /// Whether there is a reason to stay awake: something in a queue, a signal to be given to a thread.
    fn any_work(&self) -> bool;
    /// The earliest deadline.
    fn deadline(&self) -> u64;
    /// Takes events, waiting for one, or a kick, until a deadline; 0: without waiting.
    fn poll(&self, until: u64);
    /// Ends the poll, the present one or the next.
    fn kick(&self);
    /// Sleeps if the word is 0, until it is woken or for no reason.
    fn sleep(&self, word: &AtomicU32);
    /// Sets the word to 1 and wakes who sleeps on it.
    fn rouse(&self, word: &AtomicU32);
}

struct List<S>(*const S);
// SAFETY: OS threads' records stay; followed under the lock only.
unsafe impl<S> Send for List<S> {}

/// See the header.
pub(crate) struct Roles<S> {
    sleepers: Spin<List<S>>,
    sleeping: AtomicUsize,
    /// Somebody is in the poll, or about to be.
    polling: AtomicBool,
    /// Until when it stays there.
    until: AtomicU64,
}

impl<S> Roles<S> {
    const_fn! {
        /// Nobody is idle.
        pub(crate) fn new() -> Self {
            Roles {
                sleepers: Spin::new(List(null())),
                sleeping: AtomicUsize::new(0),
                polling: AtomicBool::new(false),
                until: AtomicU64::new(0),
            }
        }
    }

    /// Forgets all others: for the child of a fork.
    ///
    /// # Safety
    /// No other thread exists.
    pub(crate) unsafe fn after_fork(&self) {
        // SAFETY: by contract.
        unsafe { self.sleepers.reset() };
        self.sleepers.lock().0 = null();
        self.sleeping.store(0, SeqCst);
        self.polling.store(false, SeqCst);
    }
}

impl<S: Sleeper> Roles<S> {
    /// Work was queued that whoever queued it may not get to soon: wakes one idle carrier, if there is one.
    pub(crate) fn notify(&self, w: &impl World) {
        fence(SeqCst);
        if !self.wake_sleeper(w) && self.polling.load(SeqCst) {
            w.kick();
        }
    }

    /// A deadline became the earliest one: a poller that would sleep longer looks again.
    pub(crate) fn deadline_moved(&self, at: u64, w: &impl World) {
        if self.polling.load(SeqCst) && at < self.until.load(SeqCst) {
            w.kick();
        }
    }

    /// Whether a carrier could take work right now.
    pub(crate) fn anyone(&self) -> bool {
        self.sleeping.load(Relaxed) > 0 || self.polling.load(Relaxed)
    }

    /// Waits until there may be something to do.
    pub(crate) fn wait(&self, me: &S, w: &impl World) {
        if w.any_work() {
            return;
        }
        if self.polling.compare_exchange(false, true, SeqCst, Relaxed).is_ok() {
            self.poll(w);
        } else {
            self.sleep(me, w);
        }
    }

    /// To be called by who has waited, before it is busy with what it found: somebody shall poll.
    pub(crate) fn busy(&self, w: &impl World) {
        if !self.polling.load(SeqCst) {
            self.wake_sleeper(w);
        }
    }

    /// A look at the descriptors by who has something else to do, unless somebody looks at them all the time.
    pub(crate) fn glance(&self, w: &impl World) {
        if self.polling.load(Relaxed) || self.polling.compare_exchange(false, true, SeqCst, Relaxed).is_err() {
            return;
        }
        // No deadline is later than this: nobody need kick.
        self.until.store(0, SeqCst);
        w.poll(0);
        self.polling.store(false, SeqCst);
        // Whoever became idle meanwhile took us for the poller.
        self.busy(w);
    }

    fn poll(&self, w: &impl World) {
        let mut until;
        loop {
            until = w.deadline();
            self.until.store(until, SeqCst);
            if w.deadline() >= until {
                break;
            }
        }
        if !w.any_work() {
            w.poll(until);
        }
        self.polling.store(false, SeqCst);
    }

    fn sleep(&self, me: &S, w: &impl World) {
        {
            let mut s = self.sleepers.lock();
            me.wake().store(0, SeqCst);
            me.next().set(s.0);
            me.listed().set(true);
            s.0 = me;
            self.sleeping.fetch_add(1, SeqCst);
        }
        fence(SeqCst);
        // Somebody must poll, and nobody may sleep on work.
        if !w.any_work() && self.polling.load(SeqCst) {
            w.sleep(me.wake());
        }
        let mut s = self.sleepers.lock();
        if me.listed().get() {
            s.remove(me);
            self.sleeping.fetch_sub(1, SeqCst);
        }
    }

    fn wake_sleeper(&self, w: &impl World) -> bool {
        if self.sleeping.load(SeqCst) == 0 {
            return false;
        }
        let chosen = {
            let mut s = self.sleepers.lock();
            // SAFETY: as for `List`.
            let Some(chosen) = (unsafe { s.0.as_ref() }) else { return false };
            s.remove(chosen);
            self.sleeping.fetch_sub(1, SeqCst);
            chosen
        };
        w.rouse(chosen.wake());
        true
    }
}

impl<S: Sleeper> List<S> {
    /// Takes one out that is in.
    fn remove(&mut self, s: &S) {
        let mut at = &raw mut self.0;
        // SAFETY: `s` is listed, so it is found behind the head or some listed one, all of which are records.
        unsafe {
            while !core::ptr::eq(*at, s) {
                at = (**at).next().as_ptr();
            }
            *at = s.next().get();
        }
        s.listed().set(false);
    }
}
