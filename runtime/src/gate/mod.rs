//! The gate: the interception of system calls inside libc.
//!
//! Every `syscall` instruction of libc.so.6, ld.so and other mapped objects is a *site*. The gate
//! finds them ([`scan()`]), writes a trampoline for each ([`Plan`]) and makes the site lead there, so
//! that an entry of ours decides what becomes of the call. Sites of libc and the loader lead to the
//! entry that saves what a compiler keeps across a libc call; sites of any other object, where an
//! inline `syscall` may stand in the middle of vector code, to the one that saves everything.
//!
//! | module | |
//! |---|---|
//! | `maps`, `elf`, `object`, `functions` | what is mapped, and where its functions are |
//! | `search`, `code`, `gaps`, `scan` | the sites |
//! | `number` | those that need no trampoline |
//! | `window` | where the jump of a site may stand. **Read this first** |
//! | `relocate`, `area`, `plan` | trampolines |
//! | `text` | changing the code, with one thread or many |
//! | `notice` | learning that objects came or went |
//! | `table` | from any program counter to its site and back, for signal handlers |
//!
//! Invariants:
//! - An object is patched as a whole or not at all; a single site may be left, with a reason.
//! - No memory is ever writable and executable.
//! - A thread that is anywhere in the code, running or not, while it is patched runs either the old
//!   code or the new.
//! - rt_sigreturn is never touched.
//!
//! Opening and refreshing are one-time work: they use the standard library and allocate. They never
//! run under the gate's own entry.

mod area;
mod code;
mod elf;
mod error;
mod functions;
#[cfg(test)]
mod fuzz;
mod gaps;
mod kernel;
mod live;
mod maps;
mod notice;
mod number;
mod object;
mod plan;
mod relocate;
mod scan;
mod search;
mod table;
mod text;
mod window;

use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use error::Error;
pub use kernel::Errno;
pub use live::stats;
pub(crate) use live::{is_libc_call, open};
pub use object::{Object, ObjectKind, discover};
pub use plan::Plan;
pub use scan::{Left, Reason, Scan, Site, scan};
pub use table::{Location, Place, locate, original_pc, resume_pc};

use object::Identity;
use table::Table;
use text::Patch;

/// Where the sites lead: addresses of code that is entered as `plan` describes.
#[derive(Clone, Copy, Debug)]
pub struct Entries {
    /// For libc and the loader.
    pub libc: usize,
    /// For every other object: all vector state may be live.
    pub full: usize,
    /// Whether the entry cares for a call, by its number. A site that can make only another one is left as it is.
    pub wanted: fn(usize) -> bool,
}

impl Entries {
    fn of(&self, kind: ObjectKind) -> usize {
        match kind {
            // Functions that are called as C's are.
            ObjectKind::Libc | ObjectKind::Loader | ObjectKind::Vdso => self.libc,
            ObjectKind::Other => self.full,
        }
    }
}

/// Who may be running the code while it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// Only the calling thread.
    One,
    /// Anybody.
    Many,
}

/// What became of one object.
#[derive(Clone, Debug)]
pub struct ObjectStats {
    /// The file.
    pub name: String,
    /// What it is to us.
    pub kind: ObjectKind,
    /// How many sites lead to the entry.
    pub patched: usize,
    /// The sites that do not.
    pub left: Vec<Left>,
    /// Why it could not be patched at all.
    pub error: Option<Error>,
}

/// What the gate has done so far.
#[derive(Clone, Debug)]
pub struct Stats {
    /// The objects that have sites.
    pub objects: Vec<ObjectStats>,
    /// How long finding and patching took, all times together.
    pub elapsed: Duration,
}

/// What [`Gate::refresh`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Objects that were not there before.
    pub came: usize,
    /// Objects that are no longer there.
    pub went: usize,
}

/// The open gate of this process.
#[derive(Debug)]
pub struct Gate {
    entries: Entries,
    objects: Vec<Known>,
    /// Objects that went away, whose trampolines wait for them to come back to the same place.
    retired: Vec<Known>,
    elapsed: Duration,
}

/// An object that has been dealt with.
#[derive(Debug)]
struct Known {
    identity: Identity,
    patched: Option<Patched>,
    stats: ObjectStats,
}

/// What stands in memory for an object.
#[derive(Debug)]
struct Patched {
    code: Vec<Range<usize>>,
    patches: Vec<Patch>,
    /// The bytes of all windows as they were.
    originals: Vec<u8>,
    table: &'static Table,
}

/// Is the gate of this process open, or being opened?
static OPEN: AtomicBool = AtomicBool::new(false);

impl Gate {
    /// Patches everything that is mapped now. On an error nothing is changed (but see
    /// [`Error::HalfPatched`]): libc and the loader are patched, or nothing is. What befell other
    /// objects is in [`Gate::stats`].
    ///
    /// # Safety
    /// `entries` must keep the promise of module `plan` for ever. No object may be unmapped
    /// meanwhile, and nobody else may change code. With `Threads::One` there must be no other
    /// thread.
    pub unsafe fn open(entries: Entries, threads: Threads) -> Result<Gate, Error> {
        if OPEN.swap(true, Ordering::AcqRel) {
            return Err(Error::AlreadyOpen);
        }
        // SAFETY: the caller's promise.
        let outcome = unsafe { Gate::patch_everything(entries, threads) };
        if outcome.is_err() {
            OPEN.store(false, Ordering::Release);
        }
        outcome
    }

    unsafe fn patch_everything(entries: Entries, threads: Threads) -> Result<Gate, Error> {
        let start = Instant::now();
        // SAFETY: the caller's promise: nothing is unmapped meanwhile.
        let objects = unsafe { discover()? };
        let has = |kind| objects.iter().any(|object| object.kind() == kind);
        if !has(ObjectKind::Libc) || !has(ObjectKind::Loader) {
            return Err(Error::NoLibc);
        }
        // All that can be refused comes first; nothing is changed by it.
        let regions = maps::regions()?;
        let mut plans = Vec::new();
        for object in &objects {
            let plan = plan(object, &entries, &regions);
            match plan {
                Err(error) if object.kind().is_needed() => return Err(error),
                plan => plans.push(plan),
            }
        }
        let mut gate = Gate { entries, objects: Vec::new(), retired: Vec::new(), elapsed: Duration::ZERO };
        for (object, plan) in objects.iter().zip(plans) {
            // SAFETY: the caller's promise.
            let known = unsafe { Known::new(object, plan, threads) };
            match known.stats.error.clone() {
                Some(error) if object.kind().is_needed() => {
                    // SAFETY: the caller's promise; nothing else has changed these objects since.
                    unsafe { gate.undo(threads)? };
                    return Err(error);
                }
                _ => gate.objects.push(known),
            }
        }
        gate.elapsed = start.elapsed();
        Ok(gate)
    }

    /// Patches the objects that have come since, while other threads run, and forgets those that
    /// went. An object that cannot be patched is noted in [`Gate::stats`].
    ///
    /// # Safety
    /// No object may be unmapped meanwhile, and nobody else may change code.
    pub unsafe fn refresh(&mut self) -> Result<Change, Error> {
        let start = Instant::now();
        // SAFETY: the caller's promise: nothing is unmapped meanwhile.
        let mut found = unsafe { discover()? };
        let regions = maps::regions()?;
        let is = |known: &Known, object: &Object| known.identity == *object.identity();
        // One that has been unmapped and mapped anew at the same address has fresh code.
        let (here, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.objects).into_iter().partition(|known| {
            found.iter().any(|object| is(known, object))
                && known.patched.as_ref().is_none_or(|patched| text::applied(&patched.patches))
        });
        found.retain(|object| !here.iter().any(|known| is(known, object)));
        self.objects = here;
        let change = Change { came: found.len(), went: gone.len() };
        for known in gone {
            if let Some(patched) = &known.patched {
                patched.table.set_live(false);
                self.retired.push(known);
            }
        }
        for object in &found {
            // SAFETY: the caller's promise.
            let known = unsafe { self.take_back(object) }.unwrap_or_else(|| {
                let plan = plan(object, &self.entries, &regions);
                // SAFETY: the caller's promise.
                unsafe { Known::new(object, plan, Threads::Many) }
            });
            self.objects.push(known);
        }
        self.elapsed += start.elapsed();
        Ok(change)
    }

    /// What has been done so far.
    pub fn stats(&self) -> Stats {
        let all = self.objects.iter().map(|known| &known.stats);
        let noted = all.filter(|object| object.patched > 0 || !object.left.is_empty() || object.error.is_some());
        Stats { objects: noted.cloned().collect(), elapsed: self.elapsed }
    }

    /// Patches an object that was here before, at the same address and with the same code, by what
    /// was made for it then.
    unsafe fn take_back(&mut self, object: &Object) -> Option<Known> {
        let is = |known: &Known| known.identity == *object.identity();
        let known = self.retired.remove(self.retired.iter().position(is)?);
        let patched = known.patched.as_ref()?;
        if windows(object, patched.table) != Some(patched.originals.clone()) {
            return None;
        }
        patched.table.set_live(true);
        // SAFETY: the caller's promise; the trampolines fit, since every byte they were made from
        // is the same.
        let applied = unsafe { text::apply(&patched.patches, &patched.code, Threads::Many) };
        if applied.is_err() {
            patched.table.set_live(false);
        }
        applied.ok().map(|()| known)
    }

    /// Takes back all that has been patched.
    unsafe fn undo(&mut self, threads: Threads) -> Result<(), Error> {
        for patched in self.objects.iter().filter_map(|known| known.patched.as_ref()) {
            // SAFETY: the caller's promise. The trampolines stay, for whoever is in them.
            unsafe { text::revert(&patched.patches, &patched.code, threads)? };
            patched.table.set_live(false);
        }
        Ok(())
    }
}

impl Known {
    /// Carries out `plan` for `object`.
    unsafe fn new(object: &Object, plan: Result<Plan, Error>, threads: Threads) -> Known {
        let mut stats = ObjectStats {
            name: object.name().to_owned(),
            kind: object.kind(),
            patched: 0,
            left: Vec::new(),
            error: None,
        };
        // SAFETY: the caller's promise.
        let patched = plan.and_then(|plan| unsafe { install(object, plan, threads, &mut stats) });
        let patched = patched.unwrap_or_else(|error| {
            stats.error = Some(error);
            None
        });
        Known { identity: object.identity().clone(), patched, stats }
    }
}

fn plan(object: &Object, entries: &Entries, regions: &[maps::Region]) -> Result<Plan, Error> {
    let mut scan = scan(object);
    scan.keep(object, entries.wanted);
    Plan::with_map(object, scan, entries.of(object.kind()), regions)
}

/// Makes the changes of `plan`; `None` when there are none.
unsafe fn install(
    object: &Object,
    plan: Plan,
    threads: Threads,
    stats: &mut ObjectStats,
) -> Result<Option<Patched>, Error> {
    let patched = plan.patched();
    stats.left = plan.left;
    if patched == 0 {
        return Ok(None);
    }
    let code: Vec<_> = object.code().collect();
    // Before the first jump: a signal handler may ask about it.
    let table = Table::publish(object.kind(), plan.records, plan.steps);
    let originals = windows(object, table).unwrap_or_default();
    // SAFETY: the caller's promise; the trampolines are finished.
    match unsafe { text::apply(&plan.patches, &code, threads) } {
        Ok(()) => {}
        Err(error) => {
            if let Error::HalfPatched(_) = error {
                plan.areas.keep();
            } else {
                table.set_live(false);
            }
            return Err(error);
        }
    }
    plan.areas.keep();
    stats.patched = patched;
    Ok(Some(Patched { code, patches: plan.patches, originals, table }))
}

/// The bytes of all windows of `table`, one after the other.
fn windows(object: &Object, table: &Table) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    for window in table.windows() {
        all.extend(object.bytes(window.start, window.len())?);
    }
    Some(all)
}
