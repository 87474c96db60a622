//! Hand-over: the watchdog takes the role from an OS thread that, by then, is not stuck any more but idle, and gives it to a
//! spare (`sched/watch.rs`, `sched/spare.rs`). Roles are not locked: what must hold is that a wake-up meant for work is not lost
//! with the one who finds that it may not do it.

use crate::check;
use crate::idle::{Carrier, Engine, take};
use crate::sched::roles::World;
use crate::sync::{AtomicBool, Ordering::*};
use loom::thread;
use std::sync::Arc;

/// `hub::next` of an OS thread whose role is taken at some time; `spare::rest` is its end.
fn loses_its_role(e: &Engine, role: &AtomicBool, passes_on: bool) {
    let me = Carrier::new();
    let mut waited = false;
    loop {
        if !role.load(SeqCst) {
            if passes_on {
                if waited {
                    e.roles.busy(e);
                }
                if e.any_work() {
                    e.roles.notify(e);
                }
            }
            return;
        }
        if e.pop() {
            // It was faster than the watchdog: what it runs makes work for the spare.
            e.roles.busy(e);
            return e.push();
        }
        e.roles.wait(&me, e);
        waited = true;
    }
}

fn role_of_an_idle_one(passes_on: bool, make_work: fn(&Engine)) {
    check(3, move || {
        let e = Engine::new(take);
        let role = Arc::new(AtomicBool::new(true));
        let old = {
            let (e, role) = (e.clone(), role.clone());
            thread::spawn(move || loses_its_role(&e, &role, passes_on))
        };
        let spare = {
            let e = e.clone();
            thread::spawn(move || e.carrier(true))
        };
        role.store(false, SeqCst);
        make_work(&e);
        spare.join().expect("no panics");
        // Nobody may be left who sleeps for ever: the old one leaves when it is woken next.
        e.push();
        old.join().expect("no panics");
    });
}

#[test]
fn who_lost_its_role_while_idle_passes_work_on() {
    role_of_an_idle_one(true, Engine::push);
}

#[test]
fn who_lost_its_role_in_the_poll_leaves_somebody_there() {
    role_of_an_idle_one(true, Engine::event);
}

#[test]
#[should_panic(expected = "deadlock")]
fn broken_who_lost_its_role_keeps_the_wake_up() {
    role_of_an_idle_one(false, Engine::push);
}
