//! Greenlets.

use super::{Drops, Log, MOMENT};
use patchall::{Greenlet, GreenletExit, sleep, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

#[test]
fn two_switch_to_each_other() {
    let log = Log::default();
    let (first, second) = (Greenlet::empty(), Greenlet::empty());
    let (l, g) = (log.clone(), second.clone());
    first.run(move |()| {
        l.add(12);
        g.switch(());
        l.add(34);
    });
    let (l, g) = (log.clone(), first.clone());
    second.run(move |()| {
        let _dropped = Drops(l.clone(), "unwound");
        l.add(56);
        g.switch(());
        l.add(78);
    });
    first.switch(());
    log.is(&["12", "56", "34"]);
    assert!(first.is_dead() && second.is_active());
    drop(second);
    drop(first);
    log.is(&["12", "56", "34", "unwound"]);
}

#[test]
fn values_go_with_switches() {
    let main = Greenlet::<i32>::current();
    let g = Greenlet::new(move |n| {
        let m = main.switch(n + 1);
        m * 10
    });
    assert_eq!(g.switch(1), 2);
    assert_eq!(g.switch(5), 50);
    assert!(g.is_dead());
    assert_eq!(g.switch(7), 7, "a dead one passes on to its parent");
}

#[test]
fn what_ends_goes_to_the_parent() {
    let outer = Greenlet::new(|n: i32| {
        let inner = Greenlet::new(|n| n + 1);
        assert_eq!(inner.parent(), Some(Greenlet::current()));
        inner.switch(n) * 100
    });
    assert_eq!(outer.switch(1), 200);
    let log = Log::default();
    let (a, b) = (Greenlet::empty(), Greenlet::empty());
    let l = log.clone();
    a.run(move |n| {
        l.add(format!("a {n}"));
        n + 1
    });
    b.run(|n: i32| n * 2);
    b.set_parent(&a);
    assert!(catch_unwind(AssertUnwindSafe(|| a.set_parent(&b))).is_err(), "a circle");
    assert_eq!(b.switch(3), 7);
    log.is(&["a 6"]);
}

#[test]
fn panics_and_throws() {
    let bad = Greenlet::new(|(): ()| resume_unwind(Box::new("bad")));
    let payload = catch_unwind(AssertUnwindSafe(|| bad.switch(()))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"bad"));
    assert!(bad.is_dead());
    let main = Greenlet::<i32>::current();
    let catches = Greenlet::new(move |_| match catch_unwind(AssertUnwindSafe(|| main.switch(1))) {
        Ok(n) => n,
        Err(payload) => *payload.downcast::<i32>().unwrap(),
    });
    assert_eq!(catches.switch(0), 1);
    assert_eq!(catches.throw(9), 9);
    let fresh = Greenlet::new(|n: i32| n);
    assert!(catch_unwind(AssertUnwindSafe(|| fresh.throw("early"))).is_err());
    assert!(fresh.is_dead());
    assert!(catch_unwind(|| Greenlet::<()>::empty().switch(())).is_err());
}

#[test]
fn to_oneself_and_to_main_from_main() {
    assert_eq!(Greenlet::current().switch(3), 3);
    let g = Greenlet::new(|n: i32| Greenlet::current().switch(n + 1));
    assert_eq!(g.switch(1), 2);
}

#[test]
fn one_that_is_dropped_unwinds() {
    let log = Log::default();
    let (l, main) = (log.clone(), Greenlet::<()>::current());
    let g = Greenlet::new(move |()| {
        let _drops = Drops(l.clone(), "dropped");
        let exit = catch_unwind(AssertUnwindSafe(|| main.switch(()))).unwrap_err();
        l.add(exit.is::<GreenletExit>());
        main.switch(());
        l.add("never");
    });
    g.switch(());
    drop(g);
    log.is(&["true", "dropped"]);
}

#[test]
fn greenlets_belong_to_their_coroutine() {
    let g = Greenlet::new(|n: i32| n);
    let elsewhere = spawn({
        let g = g.clone();
        move || catch_unwind(AssertUnwindSafe(|| g.switch(1))).is_err()
    });
    assert!(elsewhere.join().unwrap());
    let inside = spawn(|| Greenlet::new(|n: i32| n + 1).switch(1));
    assert_eq!(inside.join().unwrap(), 2);
}

#[test]
fn a_greenlet_that_sleeps_parks_its_coroutine() {
    let log = Log::default();
    let (one, two) = (log.clone(), log.clone());
    let a = spawn(move || {
        let g = Greenlet::new(|(): ()| sleep(MOMENT));
        g.switch(());
        one.add("slept");
    });
    let b = spawn(move || {
        yield_now();
        two.add("other");
    });
    a.join().unwrap();
    b.join().unwrap();
    log.is(&["other", "slept"]);
}

#[test]
fn different_types_nest() {
    let outer = Greenlet::new(|n: i32| {
        let inner = Greenlet::new(|s: String| s + "!");
        inner.switch(n.to_string()).len() as i32
    });
    assert_eq!(outer.switch(100), 4);
}
