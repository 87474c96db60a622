//! Looking inside: which coroutines there are, and what they wait for. (gevent: `gevent.util.print_run_info`, the monitor
//! thread.)

mod monitor;

pub(crate) use monitor::Watched;
pub use monitor::{Monitor, monitor};

use crate::sys;
use crate::task::{self, State, Task};
use std::fmt;
use std::panic::Location;
use std::time::Duration;

/// A coroutine, as [`run_info`] finds it.
#[derive(Clone, Debug)]
pub struct Info {
    /// Its number; 0: the thread itself.
    pub id: u64,
    /// The name it was given.
    pub name: Option<String>,
    /// The number of the coroutine that spawned it.
    pub parent: u64,
    /// Where it was spawned.
    pub spawned: &'static Location<'static>,
    /// What it waits for; `None`: it runs or is ready to.
    pub waits_for: Option<String>,
    /// How long it has waited, to some milliseconds.
    pub since: Duration,
}

/// The coroutines of the calling thread; prints as a tree. See [`run_info`].
#[derive(Clone, Debug)]
pub struct RunInfo(pub Vec<Info>);

/// What the coroutines of the calling thread do, in the order in which they were made; the thread itself first.
///
/// ```
/// use patchall::{debug, sleep, task::Builder, yield_now};
/// let c = Builder::new().name("sleeper").spawn(|| sleep(std::time::Duration::from_secs(9))).unwrap();
/// yield_now();
/// let info = debug::run_info();
/// assert!(info.to_string().contains("\"sleeper\"> waits for its sleep to end"));
/// c.kill();
/// ```
pub fn run_info() -> RunInfo {
    let now = sys::monotonic();
    let of = |t: &Task| Info {
        id: t.id,
        name: t.name.as_deref().map(str::to_owned),
        parent: t.parent,
        spawned: t.spawned,
        waits_for: (t.state.get() == State::Parked).then(|| t.what.get().to_string()),
        since: Duration::from_nanos(now.saturating_sub(t.since.get())),
    };
    RunInfo(task::own().all().iter().map(|t| of(t)).collect())
}

impl fmt::Display for RunInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn branch(all: &[Info], at: &Info, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{:1$}", "", 2 * depth)?;
            match (at.id, &at.name) {
                (0, _) => f.write_str("<thread>")?,
                (id, None) => write!(f, "<coroutine {id}>")?,
                (id, Some(name)) => write!(f, "<coroutine {id} {name:?}>")?,
            }
            match &at.waits_for {
                Some(what) => write!(f, " waits for {what}, for {:.3} s", at.since.as_secs_f64())?,
                None => f.write_str(" runs or is ready")?,
            }
            if at.id != 0 {
                write!(f, "; spawned at {}", at.spawned)?;
            }
            f.write_str("\n")?;
            all.iter().filter(|i| i.id != 0 && i.parent == at.id).try_for_each(|i| branch(all, i, depth + 1, f))
        }
        let all = &self.0;
        // Those whose parents have ended stand by themselves.
        let top = |i: &&Info| i.id == 0 || !all.iter().any(|p| p.id == i.parent);
        all.iter().filter(top).try_for_each(|i| branch(all, i, 0, f))
    }
}

/// What the calling thread's scheduler has done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Coroutines that were made.
    pub spawned: u64,
    /// Those that have not ended.
    pub live: usize,
    /// Turns that coroutines had.
    pub switches: u64,
}

/// Figures of the calling thread's scheduler.
pub fn stats() -> Stats {
    task::own().stats()
}
