//! Which addresses belong to the gate: the way from any program counter to the site it stands for,
//! and back.
//!
//! Readable from a signal handler at any moment, without locks: the tables of the objects form a
//! list that only grows at its head, a table never changes once it is in the list, and it is never
//! freed. An object that goes away (`dlclose`) only has its table marked. If it comes back to the
//! same address its table is used again, so that a program that loads and unloads for ever does not
//! grow.
//!
//! Nothing here allocates, except [`Table::publish`].

use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::ObjectKind;
use super::search::SYSCALL;

/// One patched site. All fields are addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) site: usize,
    /// The replaced instruction.
    pub(super) window: usize,
    /// The long jump of a hop, else 0.
    pub(super) hole: usize,
    /// The trampoline: copies, then `enter`, `call`, and its end.
    pub(super) start: usize,
    pub(super) enter: usize,
    pub(super) call: usize,
    pub(super) end: usize,
    /// Its copies, as indices into the table's steps.
    pub(super) steps: Range<u32>,
}

/// An instruction that was copied into a trampoline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) original: usize,
    pub(super) copy: usize,
}

/// The patched sites of one object.
#[derive(Debug)]
pub(super) struct Table {
    next: AtomicPtr<Table>,
    live: AtomicBool,
    kind: ObjectKind,
    /// In order of `site`, which is also that of `window`.
    records: Box<[Record]>,
    /// Indices of `records`, in order of `start`.
    by_copy: Box<[u32]>,
    /// Indices of those with a hole, in order of `hole`.
    by_hole: Box<[u32]>,
    steps: Box<[Step]>,
}

static TABLES: AtomicPtr<Table> = AtomicPtr::new(core::ptr::null_mut());

/// Where in the gate an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the program's own code: from the replaced instruction to the end of the syscall, this
    /// many bytes from the start.
    Window(usize),
    /// At the long jump that a short jump at the site leads to.
    Hole,
    /// In a trampoline, before the syscall: on the way to the entry.
    Before,
    /// At the syscall of a trampoline: `jmp r11` has been taken, or a call is to be restarted.
    Call,
    /// Behind the syscall of a trampoline.
    After,
}

/// What [`locate`] knows of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The address of the `syscall` instruction in the program's code.
    pub site: usize,
    /// Whose instruction it is.
    pub kind: ObjectKind,
    /// Where exactly.
    pub place: Place,
}

/// Where in the gate `pc` is, if it is in the gate. Async-signal-safe.
pub fn locate(pc: usize) -> Option<Location> {
    tables().find_map(|table| {
        let (record, place) = table.find(pc)?;
        Some(Location { site: record.site, kind: table.kind, place })
    })
}

/// For a `pc` in a trampoline or hole, the address in the program's code that stands for it, where
/// an unwinder finds what it needs and glibc recognises a cancellation point; any other is returned
/// as it is. Async-signal-safe.
pub fn original_pc(pc: usize) -> usize {
    let original = |table: &Table| {
        let (record, place) = table.find(pc)?;
        match place {
            Place::Window(_) => None,
            Place::Hole | Place::Call => Some(record.site),
            Place::After => Some(record.site + SYSCALL.len()),
            Place::Before if pc >= record.enter => Some(record.site),
            Place::Before => {
                let copies = table.steps_of(record);
                let index = copies.partition_point(|step| step.copy <= pc);
                Some(copies[index.checked_sub(1)?].original)
            }
        }
    };
    tables().find_map(original).unwrap_or(pc)
}

/// For a `pc` in the program's code, where to go on so that the gate is passed: the `syscall`
/// itself is entered anew, behind it means behind the call, and other instructions of the window
/// have their copies. Any other address is returned as it is. Async-signal-safe.
pub fn resume_pc(pc: usize) -> usize {
    let resume = |table: &Table| {
        // The address behind a window may begin the next one.
        let behind = table.record_at(pc.checked_sub(SYSCALL.len())?, |record| record.site);
        if let Some(record) = behind {
            return Some(record.call + SYSCALL.len());
        }
        let (record, place) = table.find(pc)?;
        match place {
            Place::Window(_) if pc == record.site => Some(record.enter),
            Place::Window(_) => {
                let copies = table.steps_of(record);
                copies.iter().find(|step| step.original == pc).map(|step| step.copy)
            }
            _ => None,
        }
    };
    tables().find_map(resume).unwrap_or(pc)
}

fn tables() -> impl Iterator<Item = &'static Table> {
    let mut at = TABLES.load(Ordering::Acquire);
    core::iter::from_fn(move || {
        // SAFETY: the list holds null or tables made by `publish`, which are never freed.
        let table: &'static Table = unsafe { at.as_ref()? };
        at = table.next.load(Ordering::Relaxed);
        Some(table)
    })
    .filter(|table| table.live.load(Ordering::Acquire))
}

impl Table {
    /// Puts a table for `records` (sorted by site) into the list, live.
    pub(super) fn publish(kind: ObjectKind, records: Vec<Record>, steps: Vec<Step>) -> &'static Table {
        let index = |key: fn(&Record) -> usize, used: fn(&Record) -> bool| {
            let all = 0..records.len() as u32;
            let mut index: Vec<u32> = all.filter(|&at| used(&records[at as usize])).collect();
            index.sort_by_key(|&at| key(&records[at as usize]));
            index.into_boxed_slice()
        };
        let by_copy = index(|record| record.start, |_| true);
        let by_hole = index(|record| record.hole, |record| record.hole != 0);
        let table = Box::leak(Box::new(Table {
            next: AtomicPtr::new(core::ptr::null_mut()),
            live: AtomicBool::new(true),
            kind,
            records: records.into_boxed_slice(),
            by_copy,
            by_hole,
            steps: steps.into_boxed_slice(),
        }));
        let mut head = TABLES.load(Ordering::Relaxed);
        loop {
            table.next.store(head, Ordering::Relaxed);
            let new = core::ptr::from_mut(table);
            match TABLES.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return table,
                Err(now) => head = now,
            }
        }
    }

    /// Says whether the object is there and patched.
    pub(super) fn set_live(&self, live: bool) {
        self.live.store(live, Ordering::Release);
    }

    /// From the replaced instruction to the end of the syscall, for each site.
    pub(super) fn windows(&self) -> impl Iterator<Item = Range<usize>> {
        self.records.iter().map(|record| record.window..record.site + SYSCALL.len())
    }

    fn steps_of(&self, record: &Record) -> &[Step] {
        &self.steps[record.steps.start as usize..record.steps.end as usize]
    }

    /// The record whose `key` is `address`; `key` must be in the order of the records.
    fn record_at(&self, address: usize, key: fn(&Record) -> usize) -> Option<&Record> {
        self.records.binary_search_by_key(&address, key).ok().map(|index| &self.records[index])
    }

    fn find(&self, pc: usize) -> Option<(&Record, Place)> {
        let window = self.records.partition_point(|record| record.window <= pc).checked_sub(1);
        let window = window.map(|index| &self.records[index]);
        if let Some(record) = window.filter(|record| pc < record.site + SYSCALL.len()) {
            return Some((record, Place::Window(pc - record.window)));
        }
        let at = |index: u32| &self.records[index as usize];
        let copy = self.by_copy.partition_point(|&index| at(index).start <= pc).checked_sub(1);
        let copy = copy.map(|index| at(self.by_copy[index]));
        if let Some(record) = copy.filter(|record| pc < record.end) {
            let place = match pc {
                pc if pc < record.call => Place::Before,
                pc if pc == record.call => Place::Call,
                _ => Place::After,
            };
            return Some((record, place));
        }
        let hole = self.by_hole.binary_search_by_key(&pc, |&index| at(index).hole).ok()?;
        Some((at(self.by_hole[hole]), Place::Hole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A direct window with two instructions before the site, and a hop.
    fn table() -> &'static Table {
        let direct = Record {
            site: 0x1008,
            window: 0x1000,
            hole: 0,
            start: 0x9040,
            enter: 0x9048,
            call: 0x9055,
            end: 0x905c,
            steps: 0..2,
        };
        let hop = Record {
            site: 0x100a,
            window: 0x100a,
            hole: 0x1040,
            start: 0x9000,
            enter: 0x9000,
            call: 0x900d,
            end: 0x9014,
            steps: 2..2,
        };
        let steps = vec![Step { original: 0x1000, copy: 0x9040 }, Step { original: 0x1005, copy: 0x9045 }];
        Table::publish(ObjectKind::Libc, vec![direct, hop], steps)
    }

    #[test]
    fn every_address_of_the_gate_is_known_and_no_other() {
        let table = table();
        let place = |pc| locate(pc).map(|location| (location.site, location.place));
        assert_eq!(place(0xfff), None);
        assert_eq!(place(0x1000), Some((0x1008, Place::Window(0))));
        assert_eq!(place(0x1009), Some((0x1008, Place::Window(9))));
        assert_eq!(place(0x100a), Some((0x100a, Place::Window(0))));
        assert_eq!(place(0x100c), None);
        assert_eq!(place(0x1040), Some((0x100a, Place::Hole)));
        assert_eq!(place(0x9000), Some((0x100a, Place::Before)));
        assert_eq!(place(0x9014), None);
        assert_eq!(place(0x9045), Some((0x1008, Place::Before)));
        assert_eq!(place(0x9055), Some((0x1008, Place::Call)));
        assert_eq!(place(0x9057), Some((0x1008, Place::After)));

        assert_eq!(original_pc(0x9040), 0x1000);
        assert_eq!(original_pc(0x9045), 0x1005);
        assert_eq!(original_pc(0x9048), 0x1008);
        assert_eq!(original_pc(0x904f), 0x1008);
        assert_eq!(original_pc(0x9055), 0x1008);
        assert_eq!(original_pc(0x9057), 0x100a);
        assert_eq!(original_pc(0x1040), 0x100a);
        assert_eq!(original_pc(0x1000), 0x1000);
        assert_eq!(original_pc(0x5000), 0x5000);

        assert_eq!(resume_pc(0x1005), 0x9045);
        assert_eq!(resume_pc(0x1008), 0x9048);
        assert_eq!(resume_pc(0x100a), 0x9057, "behind the first site, although the second begins");
        assert_eq!(resume_pc(0x100c), 0x900f);
        assert_eq!(resume_pc(0x1001), 0x1001, "not the start of an instruction");
        assert_eq!(resume_pc(0x5000), 0x5000);

        table.set_live(false);
        assert_eq!(place(0x1000), None);
        assert_eq!(resume_pc(0x1008), 0x1008);
    }
}
