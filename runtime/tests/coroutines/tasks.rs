//! Spawning, joining, scopes, time limits, kills, locals, priorities.

use super::{Drops, LONG, Log, MOMENT};
use patchall::sync::Event;
use patchall::task::{Builder, Unparker, park_outside};
use patchall::{
    Deadlock, Killed, Timeout, current, join_all, join_all_timeout, park, scope, select_finished, sleep, spawn,
    spawn_later, yield_now,
};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

#[test]
fn what_is_not_send_lives_across_yields() {
    let shared = Rc::new(Cell::new(0));
    let add = |n| {
        let shared = shared.clone();
        spawn(move || {
            let here = shared.get();
            yield_now();
            shared.set(shared.get() + n);
            here
        })
    };
    let before: Vec<i32> = join_all([add(1), add(2)]).into_iter().map(|r| r.unwrap()).collect();
    assert_eq!((before, shared.get()), (vec![0, 0], 3));
}

#[test]
fn a_coroutine_that_joins_itself_is_told() {
    let slot = Rc::new(Cell::new(None::<patchall::JoinHandle<bool>>));
    let mine = slot.clone();
    slot.set(Some(spawn(move || {
        let me = mine.take().unwrap();
        me.join().unwrap_err().is::<Deadlock>()
    })));
    sleep(MOMENT);
    assert!(slot.take().is_none());
}

#[test]
fn two_that_join_each_other_are_a_deadlock_for_the_thread() {
    let slot = Rc::new(Cell::new(None::<patchall::JoinHandle<()>>));
    let theirs = slot.clone();
    let a = Builder::new().name("a").spawn(move || drop(theirs.take().unwrap().join())).unwrap();
    let b = Builder::new().name("b").spawn(move || drop(a.join())).unwrap();
    let watch = spawn(|| ());
    slot.set(Some(b));
    watch.join().unwrap();
    let error = catch_unwind(|| Event::new().wait()).unwrap_err();
    let report = error.downcast_ref::<String>().unwrap();
    assert!(report.starts_with("deadlock: <thread> waits for an event"), "{report}");
    assert!(report.contains("\"a\"> waits for the end of coroutine"), "{report}");
}

#[test]
fn waiting_in_vain_is_a_deadlock_in_join() {
    let waits = Builder::new().name("waits").spawn(|| Event::new().wait()).unwrap();
    let error = waits.join().unwrap_err();
    let report = error.downcast_ref::<Deadlock>().unwrap().to_string();
    assert!(report.contains("\"waits\"> waits for an event"), "{report}");
}

#[test]
fn a_scope_waits_and_borrows() {
    let mut sum = 0;
    let words = [String::from("a"), String::from("bc")];
    let lengths = scope(|s| {
        let lengths: Vec<_> = words.iter().map(|w| s.spawn(|| w.len())).collect();
        s.spawn(|| {
            sleep(MOMENT);
            sum = 5;
        });
        lengths.into_iter().map(|c| c.join().unwrap()).sum::<usize>()
    });
    assert_eq!((lengths, sum), (3, 5));
}

#[test]
fn a_panic_in_a_scope_waits_for_its_coroutines() {
    let log = Log::default();
    let theirs = log.clone();
    let result = catch_unwind(AssertUnwindSafe(|| {
        scope(|s| {
            s.spawn(|| {
                sleep(MOMENT);
                theirs.add("child");
            });
            resume_unwind(Box::new("scope"));
        })
    }));
    log.is(&["child"]);
    assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"scope"));
    let unjoined = catch_unwind(|| scope(|s| drop(s.spawn(|| resume_unwind(Box::new(1))))));
    assert!(unjoined.is_err());
    let joined = catch_unwind(|| scope(|s| s.spawn(|| resume_unwind(Box::new(1))).join().is_err()));
    assert!(joined.unwrap());
}

#[test]
fn killing_who_waits_in_a_scope_kills_the_scopes_coroutines_first() {
    let log = Log::default();
    let theirs = log.clone();
    let outer = spawn(move || {
        let _outer = Drops(theirs.clone(), "outer");
        let borrowed = 7;
        scope(|s| {
            s.spawn(|| {
                let _inner = Drops(theirs.clone(), "inner");
                sleep(LONG);
                borrowed
            });
        });
    });
    yield_now();
    yield_now();
    outer.kill();
    assert!(outer.join().unwrap_err().is::<Killed>());
    log.is(&["inner", "outer"]);
}

#[test]
fn a_scope_that_can_never_end_kills_and_says_so() {
    let stuck = catch_unwind(|| scope(|s| drop(s.spawn(|| Event::new().wait()))));
    assert!(stuck.unwrap_err().downcast_ref::<String>().unwrap().starts_with("deadlock: "));
}

#[test]
fn of_nested_limits_the_innermost_that_passed_is_told() {
    let outcome = Timeout::after(LONG, || Timeout::after(MOMENT, || sleep(LONG)));
    assert_eq!(outcome, Ok(Err(patchall::Elapsed::default())));
    let outcome = Timeout::after(MOMENT, || Timeout::after(LONG, || sleep(LONG)));
    assert!(outcome.is_err());
    let both = Timeout::after(MOMENT, || {
        let inner = Timeout::after(MOMENT, || sleep(LONG));
        assert!(inner.is_err());
        sleep(LONG);
    });
    assert!(both.is_err());
}

#[test]
fn limits_of_nothing_and_of_centuries() {
    assert!(Timeout::after(Duration::ZERO, || sleep(LONG)).is_err());
    assert_eq!(Timeout::after(Duration::ZERO, || 5), Ok(5));
    assert_eq!(Timeout::after(Duration::MAX, || sleep(MOMENT)), Ok(()));
    assert_eq!(Timeout::after(None, || sleep(MOMENT)), Ok(()));
    assert!(Event::new().wait_timeout(Duration::ZERO).eq(&false));
    let c = spawn(|| sleep(Duration::MAX));
    yield_now();
    let c = c.join_timeout(MOMENT).unwrap_err();
    c.kill();
}

#[test]
fn a_limit_bounds_joins_and_a_join_has_its_own() {
    let sleeper = spawn(|| sleep(LONG));
    let joined = Timeout::after(MOMENT, || sleeper.join().is_ok());
    assert!(joined.is_err());
    let [a, b] = join_all_timeout([spawn(|| sleep(Duration::ZERO)), spawn(|| sleep(LONG))], MOMENT).try_into().unwrap();
    assert!(a.unwrap().is_ok());
    b.unwrap_err().kill();
}

#[test]
fn a_kill_unwinds_in_order_and_a_coroutine_may_kill_itself() {
    let log = Log::default();
    let theirs = log.clone();
    let slot = Rc::new(Cell::new(None::<patchall::JoinHandle<()>>));
    let mine = slot.clone();
    let c = spawn(move || {
        let _first = Drops(theirs.clone(), "first");
        let _second = Drops(theirs.clone(), "second");
        mine.take().unwrap().kill();
        theirs.add("goes on");
        sleep(LONG);
        theirs.add("never");
    });
    slot.set(Some(c));
    sleep(MOMENT);
    log.is(&["goes on", "second", "first"]);
}

#[test]
fn finish_callbacks_see_the_result_before_who_joins() {
    let log = Log::default();
    let (one, two, three) = (log.clone(), log.clone(), log.clone());
    let c = spawn(|| 5);
    c.on_finish(move |r| one.add(format!("callback {}", r.as_ref().unwrap())));
    assert_eq!(c.join().unwrap(), 5);
    let fresh = spawn(|| 5);
    fresh.on_finish(move |r| two.add(format!("killed {}", r.is_err())));
    fresh.kill();
    let done = spawn(|| 6);
    yield_now();
    done.on_finish(move |r| three.add(format!("late {}", r.as_ref().unwrap())));
    assert_eq!(done.join().unwrap(), 6);
    log.is(&["callback 5", "killed true", "late 6"]);
}

#[test]
fn the_finished_come_as_they_finish() {
    let naps = [20, 1, 10].map(|ms| spawn_later(Duration::from_millis(ms), move || ms));
    let order: Vec<u64> = select_finished(naps).map(|c| c.join().unwrap()).collect();
    assert_eq!(order, [1, 10, 20]);
    let done = spawn(|| 1);
    yield_now();
    assert_eq!(select_finished([done, spawn(|| 2)]).map(|c| c.join().unwrap()).sum::<i32>(), 3);
    assert_eq!(select_finished(Vec::<patchall::JoinHandle<()>>::new()).count(), 0);
}

patchall::local! {
    static MINE: Cell<u32> = Cell::new(7);
    static DROPS: std::cell::RefCell<Option<Drops>> = std::cell::RefCell::new(None);
}

#[test]
fn each_coroutine_has_its_locals_and_drops_them() {
    let log = Log::default();
    let theirs = log.clone();
    MINE.with(|m| m.set(1));
    let c = spawn(move || {
        DROPS.with(|d| *d.borrow_mut() = Some(Drops(theirs.clone(), "local")));
        let before = MINE.with(Cell::get);
        MINE.with(|m| m.set(2));
        yield_now();
        theirs.add("body");
        (before, MINE.with(Cell::get))
    });
    assert_eq!(c.join().unwrap(), (7, 2));
    assert_eq!(MINE.with(Cell::get), 1);
    log.is(&["body", "local"]);
}

#[test]
fn a_higher_priority_runs_first() {
    let log = Log::default();
    let start = |priority, name: &'static str| {
        let log = log.clone();
        Builder::new().priority(priority).spawn(move || log.add(name)).unwrap()
    };
    join_all([start(0, "usual"), start(-1, "low"), start(5, "high"), start(0, "usual too")]);
    log.is(&["high", "usual", "usual too", "low"]);
}

#[test]
fn parking_and_unparking() {
    let here = current();
    spawn(move || here.unpark());
    park();
    current().unpark();
    park();
    let before = Instant::now();
    patchall::park_timeout(MOMENT);
    assert!(before.elapsed() >= MOMENT);
    let unparker = Unparker::new();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(MOMENT);
        unparker.unpark();
    });
    park_outside();
    thread.join().unwrap();
}

#[test]
fn coroutines_run_while_the_thread_waits_for_another_thread() {
    let ticks = Rc::new(Cell::new(0));
    let theirs = ticks.clone();
    let ticker = spawn(move || {
        loop {
            theirs.set(theirs.get() + 1);
            sleep(Duration::from_millis(1));
        }
    });
    patchall::blocking(|| std::thread::sleep(Duration::from_millis(30)));
    assert!(ticks.get() >= 3, "{}", ticks.get());
    ticker.kill();
}

#[test]
fn a_thread_that_ends_unwinds_scopes_and_those_who_join() {
    static LOG: std::sync::Mutex<Vec<&str>> = std::sync::Mutex::new(Vec::new());
    struct Says(&'static str);
    impl Drop for Says {
        fn drop(&mut self) {
            LOG.lock().unwrap().push(self.0);
        }
    }
    std::thread::spawn(|| {
        spawn(|| {
            let _says = Says("owner");
            let place = Says("borrowed");
            scope(|s| {
                s.spawn(|| {
                    let _says = Says("child");
                    sleep(LONG);
                    let _ = &place;
                });
            });
        });
        yield_now();
        yield_now();
    })
    .join()
    .unwrap();
    assert_eq!(*LOG.lock().unwrap(), ["child", "borrowed", "owner"]);
}

#[test]
fn coroutines_in_many_threads_at_once() {
    let threads = (0..8).map(|_| {
        std::thread::spawn(|| {
            let all = (0..200u64).map(|i| {
                spawn(move || {
                    sleep(Duration::from_micros(i % 5 * 100));
                    i
                })
            });
            join_all(all).into_iter().map(|r| r.unwrap()).sum::<u64>()
        })
    });
    let sums: Vec<u64> = threads.collect::<Vec<_>>().into_iter().map(|t| t.join().unwrap()).collect();
    assert!(sums.iter().all(|s| *s == 19_900));
}
