//! `sched/roles.rs` and `reactor/kick.rs`: nobody sleeps on work, on an event or past a deadline.
//!
//! In each model two or three idle carriers go to work once each, on one item each, and then leave. So if every run ends, no item
//! was slept on; and since the second item comes in some runs when the first carrier has left, the other one was where
//! it could hear of it: in the poll, if it was an event (invariant 11).

use crate::check;
use crate::kick::Kick;
use crate::sched::roles::{Roles, Sleeper, World};
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering::*};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use std::cell::Cell;
use std::ptr::null;
use std::sync::Arc;

const NEVER: u64 = u64::MAX;

/// The OS thread of a carrier.
pub(crate) struct Carrier {
    wake: AtomicU32,
    next: Cell<*const Carrier>,
    listed: Cell<bool>,
}

impl Carrier {
    pub(crate) fn new() -> Carrier {
        Carrier { wake: AtomicU32::new(0), next: Cell::new(null()), listed: Cell::new(false) }
    }
}

impl Sleeper for Carrier {
    fn wake(&self) -> &AtomicU32 {
        &self.wake
    }
    fn next(&self) -> &Cell<*const Carrier> {
        &self.next
    }
    fn listed(&self) -> &Cell<bool> {
        &self.listed
    }
}

/// How the eventfd is read: as it should be, or wrongly.
pub(crate) type Take = fn(&Engine);

pub(crate) struct Engine {
    pub(crate) roles: Roles<Carrier>,
    /// Items in all queues.
    items: AtomicUsize,
    /// The earliest deadline.
    deadline: AtomicU64,
    /// The kernel's side of the poll: the eventfd's count, and how many descriptors have become ready.
    epoll: Mutex<(u64, usize)>,
    changed: Condvar,
    note: Kick,
    take: Take,
    /// The kernel's side of the futexes.
    futex: Mutex<()>,
    woken: Condvar,
}

// SAFETY: the list of sleepers is followed under its lock only.
unsafe impl Sync for Engine {}
// SAFETY: as above.
unsafe impl Send for Engine {}

pub(crate) fn take(e: &Engine) {
    e.note.take(|| e.read());
}

impl Engine {
    pub(crate) fn new(take: Take) -> Arc<Engine> {
        Arc::new(Engine {
            roles: Roles::new(),
            items: AtomicUsize::new(0),
            deadline: AtomicU64::new(NEVER),
            epoll: Mutex::new((0, 0)),
            changed: Condvar::new(),
            note: Kick::new(),
            take,
            futex: Mutex::new(()),
            woken: Condvar::new(),
        })
    }

    fn read(&self) {
        self.epoll.lock().expect("no panics").0 = 0;
    }

    /// A thread becomes ready; who makes it so gets to it too late.
    pub(crate) fn push(&self) {
        self.items.fetch_add(1, SeqCst);
        self.roles.notify(self);
    }

    pub(crate) fn pop(&self) -> bool {
        // Under the queue's lock in the engine.
        let n = self.items.load(SeqCst);
        n > 0 && self.items.compare_exchange(n, n - 1, SeqCst, Relaxed).is_ok()
    }

    /// `timer::expire`; the deadline is that of two threads.
    fn expire(&self) {
        let at = self.deadline.load(SeqCst);
        if at != NEVER && self.deadline.compare_exchange(at, NEVER, SeqCst, Relaxed).is_ok() {
            self.push();
            self.push();
        }
    }

    /// A descriptor becomes ready.
    pub(crate) fn event(&self) {
        self.epoll.lock().expect("no panics").1 += 1;
        self.changed.notify_one();
    }

    /// `hub::next` of a carrier, until it has found one item.
    pub(crate) fn carrier(&self, busy: bool) {
        let me = Carrier::new();
        loop {
            if self.pop() {
                if busy {
                    self.roles.busy(self);
                }
                return;
            }
            self.roles.wait(&me, self);
            self.expire();
        }
    }
}

impl World for Engine {
    fn any_work(&self) -> bool {
        self.items.load(SeqCst) > 0
    }

    fn deadline(&self) -> u64 {
        self.deadline.load(SeqCst)
    }

    fn poll(&self, until: u64) {
        let (kicked, events) = {
            let mut e = self.epoll.lock().expect("no panics");
            // Before a deadline the poll ends by itself. A kick that somebody else has read is not there any more when the
            // kernel looks, although it woke the poller (fs/eventpoll.c, ep_send_events, for a level-triggered item).
            while *e == (0, 0) && until == NEVER {
                e = self.changed.wait(e).expect("no panics");
            }
            (e.0 > 0, std::mem::take(&mut e.1))
        };
        // Threads that waited for the descriptors, in the poller's own queue: nobody else is told.
        self.items.fetch_add(events, SeqCst);
        if kicked {
            (self.take)(self);
        }
    }

    fn kick(&self) {
        self.note.give(|| {
            self.epoll.lock().expect("no panics").0 += 1;
            self.changed.notify_one();
        });
    }

    fn sleep(&self, word: &AtomicU32) {
        let lock = self.futex.lock().expect("no panics");
        if word.load(SeqCst) == 0 {
            drop(self.woken.wait(lock).expect("no panics"));
        }
    }

    fn rouse(&self, word: &AtomicU32) {
        word.store(1, SeqCst);
        drop(self.futex.lock().expect("no panics"));
        // Only one carrier can be asleep in these models while the other one polls.
        self.woken.notify_all();
    }
}

fn idle_carriers(e: &Arc<Engine>, n: usize, busy: bool) -> Vec<thread::JoinHandle<()>> {
    (0..n).map(|_| e.clone()).map(|e| thread::spawn(move || e.carrier(busy))).collect()
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    for t in threads {
        t.join().expect("no panics");
    }
}

#[test]
fn work_finds_every_idle_carrier() {
    check(3, || {
        let e = Engine::new(take);
        let carriers = idle_carriers(&e, 2, true);
        e.push();
        e.push();
        join(carriers);
    });
}

fn events_one_by_one(busy: bool) {
    check(3, move || {
        let e = Engine::new(take);
        let carriers = idle_carriers(&e, 2, busy);
        e.event();
        e.event();
        join(carriers);
    });
}

#[test]
fn who_goes_to_work_leaves_somebody_in_the_poll() {
    events_one_by_one(true);
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_who_goes_to_work_leaves_the_poll_empty() {
    events_one_by_one(false);
}

/// A busy carrier looks at the descriptors after it has made a deadline the earliest one, and becomes idle.
fn a_deadline_and_a_glance(glance: fn(&Engine)) {
    check(3, move || {
        let e = Engine::new(take);
        let carriers = idle_carriers(&e, 1, true);
        e.deadline.store(5, SeqCst);
        e.roles.deadline_moved(5, &*e);
        glance(&e);
        // The other idle carrier is this thread.
        e.carrier(true);
        join(carriers);
    });
}

#[test]
fn a_look_in_passing_swallows_no_kick() {
    a_deadline_and_a_glance(|e| e.roles.glance(e));
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_a_look_in_passing_without_the_role() {
    a_deadline_and_a_glance(|e| e.poll(0));
}

/// Kicks for a poller that polls until it has seen what they all came with.
fn kicks(take: Take) {
    check(3, move || {
        let e = Engine::new(take);
        let poller = {
            let e = e.clone();
            thread::spawn(move || {
                while e.items.load(SeqCst) < 3 {
                    e.poll(NEVER)
                }
            })
        };
        for _ in 0..3 {
            e.items.fetch_add(1, SeqCst);
            e.kick();
        }
        join(vec![poller]);
    });
}

#[test]
fn a_kick_is_never_swallowed() {
    kicks(take);
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_the_note_is_cleared_before_the_kick_is_read() {
    // Like `Kick::take`, the other way round: after the read the note says that a kick is there.
    kicks(|e| {
        e.note.take(|| {});
        e.read();
    });
}

#[test]
fn three_idle_carriers_share_what_comes() {
    check(2, || {
        let e = Engine::new(take);
        let carriers = idle_carriers(&e, 3, true);
        e.push();
        e.event();
        e.event();
        join(carriers);
    });
}

#[test]
fn who_became_idle_during_a_look_in_passing_polls_afterwards() {
    check(3, || {
        let e = Engine::new(take);
        let carriers = idle_carriers(&e, 1, true);
        e.roles.glance(&*e);
        // The busy carrier stays busy: whoever is idle must hear of it.
        e.event();
        join(carriers);
    });
}
