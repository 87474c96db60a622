//! Generators.

use super::{Drops, Log, MOMENT};
use patchall::{Generator, generator, sleep, spawn, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

#[test]
fn a_generator_is_an_iterator() {
    let mut numbers = generator(|y| {
        (0..3).for_each(|i| y.yield_(i));
        "end"
    });
    assert_eq!(numbers.by_ref().collect::<Vec<i32>>(), [0, 1, 2]);
    assert_eq!(numbers.next(), None);
    assert_eq!(numbers.returned(), Some("end"));
    assert!(numbers.is_finished());
}

#[test]
fn values_go_both_ways() {
    let mut average = Generator::new(|y| {
        let (mut sum, mut count) = (0.0, 0.0);
        let mut next: Option<f64> = y.yield_(0.0);
        while let Some(n) = next {
            sum += n;
            count += 1.0;
            next = y.yield_(sum / count);
        }
        count
    });
    average.start();
    assert_eq!(average.send(Some(4.0)), Some(4.0));
    assert_eq!(average.send(Some(2.0)), Some(3.0));
    assert_eq!(average.send(None), None);
    assert_eq!(average.returned(), Some(2.0));
    assert_eq!(average.send(Some(1.0)), None);
}

#[test]
fn a_value_sent_too_early_or_a_second_start() {
    let mut g = Generator::new(|y| y.yield_(1));
    assert!(catch_unwind(AssertUnwindSafe(|| g.send(5))).is_err());
    assert_eq!(g.start(), Some(1));
    assert!(catch_unwind(AssertUnwindSafe(|| g.start())).is_err());
    assert_eq!(g.send(2), None);
    assert_eq!(g.returned(), Some(2));
}

#[test]
fn closing_and_dropping_unwind_it() {
    let log = Log::default();
    let make = |name| {
        let log = log.clone();
        generator(move |y| {
            let _drops = Drops(log, name);
            loop {
                y.yield_(1);
            }
            #[allow(unreachable_code)]
            ()
        })
    };
    let (mut closed, mut dropped, fresh) = (make("closed"), make("dropped"), make("fresh"));
    closed.next();
    closed.close();
    assert_eq!(closed.next(), None);
    dropped.next();
    drop(dropped);
    drop(fresh);
    log.is(&["closed", "dropped"]);
}

#[test]
fn one_that_will_not_close() {
    let mut stubborn = generator(|y| {
        loop {
            let _ = catch_unwind(AssertUnwindSafe(|| y.yield_(1)));
        }
        #[allow(unreachable_code)]
        ()
    });
    stubborn.next();
    assert!(catch_unwind(AssertUnwindSafe(|| stubborn.close())).is_err());
    // Forgotten, after some patience.
    drop(stubborn);
}

#[test]
fn a_panic_reaches_who_resumes() {
    let mut bad = generator(|y| {
        y.yield_(1);
        resume_unwind(Box::new("bad"));
        #[allow(unreachable_code)]
        ()
    });
    assert_eq!(bad.next(), Some(1));
    let payload = catch_unwind(AssertUnwindSafe(|| bad.next())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"bad"));
    assert_eq!(bad.next(), None);
}

#[test]
fn a_generator_that_sleeps_parks_its_coroutine() {
    let log = Log::default();
    let (one, two) = (log.clone(), log.clone());
    let a = spawn(move || {
        let slow = generator(|y| {
            sleep(MOMENT);
            y.yield_("slow");
            yield_now();
        });
        slow.for_each(|v| one.add(v));
    });
    let b = spawn(move || two.add("other"));
    a.join().unwrap();
    b.join().unwrap();
    log.is(&["other", "slow"]);
}

#[test]
fn a_kill_inside_a_generator_unwinds_both() {
    let log = Log::default();
    let theirs = log.clone();
    let c = spawn(move || {
        let _outer = Drops(theirs.clone(), "outer");
        let mut g = generator(move |y| {
            let _inner = Drops(theirs, "inner");
            sleep(super::LONG);
            y.yield_(());
        });
        g.next();
    });
    yield_now();
    c.kill();
    assert!(c.join().unwrap_err().is::<patchall::Killed>());
    log.is(&["inner", "outer"]);
}

#[test]
fn generators_go_from_coroutine_to_coroutine_and_nest() {
    let mut outer = generator(|y| {
        for x in generator(|y| (1..4).for_each(|i| y.yield_(i))) {
            y.yield_(x * 10);
        }
    });
    assert_eq!(outer.next(), Some(10));
    let rest = spawn(move || outer.collect::<Vec<i32>>()).join().unwrap();
    assert_eq!(rest, [20, 30]);
}
