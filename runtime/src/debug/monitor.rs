//! The monitor: reports a coroutine that does not let the others have a turn.
//!
//! A coroutine that computes is not interrupted, but people have to be told why the others do not run. A thread of the
//! monitor's looks now and then whether the scheduler has made progress; if it has not, it says on stderr which coroutine has
//! the turn, and where that was spawned. The watched thread pays two stores a turn.

use crate::sys::text::Text;
use crate::task;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::*};
use std::time::Duration;

/// Watches the thread that made it, until it is dropped: see [`monitor`].
#[derive(Debug)]
pub struct Monitor {
    stop: Arc<AtomicBool>,
    reports: Arc<AtomicU64>,
    watched: Arc<Watched>,
}

/// What the watched thread shows to the monitor's.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// Odd while a coroutine or the thread's own code runs, even while the scheduler does.
    turns: AtomicU64,
    /// Who has the turn, and where it was spawned.
    who: AtomicU64,
    place: AtomicPtr<Location<'static>>,
}

impl Watched {
    /// Somebody has the turn from now on.
    pub(crate) fn begin(&self, who: u64, place: &'static Location<'static>) {
        self.who.store(who, Relaxed);
        self.place.store(std::ptr::from_ref(place).cast_mut(), Relaxed);
        self.turns.store((self.turns.load(Relaxed) + 1) | 1, Release);
    }

    /// The scheduler has it.
    pub(crate) fn end(&self) {
        self.turns.store((self.turns.load(Relaxed) | 1) + 1, Release);
    }
}

/// Reports on stderr when one coroutine of this thread holds the others up for longer than `bound`, once each time, with
/// the place where it was spawned.
///
/// ```
/// let monitor = patchall::debug::monitor(std::time::Duration::from_millis(10));
/// patchall::scope(|s| {
///     // Computes until somebody complains.
///     s.spawn(|| while monitor.reports() == 0 {});
/// });
/// ```
pub fn monitor(bound: Duration) -> Monitor {
    let watched = task::own().watch();
    let stop = Arc::new(AtomicBool::new(false));
    let reports = Arc::new(AtomicU64::new(0));
    let (their, stopped, count) = (watched.clone(), stop.clone(), reports.clone());
    let look = move || {
        let mut seen = u64::MAX;
        let mut told = u64::MAX;
        while !stopped.load(Relaxed) {
            std::thread::sleep(bound);
            let turns = their.turns.load(Acquire);
            if turns == seen && turns != told && turns % 2 == 1 {
                told = turns;
                report(&their, bound);
                count.fetch_add(1, Relaxed);
            }
            seen = turns;
        }
    };
    // Without a thread nothing is reported.
    let _ = std::thread::Builder::new().name("patchall-monitor".into()).spawn(look);
    Monitor { stop, reports, watched }
}

fn report(watched: &Watched, bound: Duration) {
    let mut text = Text::to(2);
    text.put(b"patchall: ");
    // SAFETY: null, or a place of the program's, which is for ever.
    let place = unsafe { watched.place.load(Relaxed).as_ref() };
    match (watched.who.load(Relaxed), place) {
        (id, Some(place)) if id != 0 => {
            text.put(b"coroutine ").decimal(id).put(b", spawned at ").put(place.file().as_bytes());
            text.put(b":").decimal(place.line().into());
        }
        _ => {
            text.put(b"the thread's own code");
        }
    }
    text.put(b" has not let others run for ").seconds(bound.as_nanos() as u64);
    text.put(b" s; yield_now(), blocking(..) and threads are the remedies\n").flush();
}

impl Monitor {
    /// How often it has reported.
    pub fn reports(&self) -> u64 {
        self.reports.load(Relaxed)
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        task::own().unwatch(&self.watched);
    }
}
