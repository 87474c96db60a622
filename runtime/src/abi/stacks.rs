//! Thread stacks: slots of a few large reserved regions, instead of a mapping each.
//!
//! A mapping per stack, split by its guard, costs two VMAs a thread, and vm.max_map_count (65,530) ends it at about
//! 32,000. Here every size of stack has a region of its own, of which a growing front part is readable and writable as one
//! VMA; guards are MADV_GUARD_INSTALL (Linux 6.13), which needs none. What libc asks for by mmap(MAP_STACK), mprotect and
//! munmap is answered from the slots: address, size, guard and contents are as the kernel would give them.
//!
//! * Slots lie end to end at exactly their size, starting 1 MiB off a 2 MiB boundary: the guard of one and the top of the
//!   one below share a page-table page, which halves what a sleeping thread costs in page tables.
//! * The part not yet used is PROT_NONE, not dumped and not counted (RLIMIT_DATA, overcommit, mlockall).
//! * Under RLIMIT_AS, or when a region cannot be had, stacks are the kernel's mappings as ever; a limit that comes later takes
//!   back what is reserved and not used ([`trim`]).
//! * MADV_GUARD_INSTALL drops what a page held; so it is used for the guard of a stack that libc has just been given, and
//!   every other mprotect is the kernel's, undone when the slot comes back.

use super::{Step, limits};
use crate::mem::Table;
use crate::sched::thread::ThreadRef;
use crate::sys::spin::Spin;
use crate::sys::{self, nr};
use core::cell::Cell;

const PAGE: usize = 4096;
const MADV_GUARD_INSTALL: usize = 102;
const MADV_GUARD_REMOVE: usize = 103;
/// Different stack sizes that get regions; stacks of further sizes are the kernel's.
const CLASSES: usize = 16;
/// Address space of one region: a quarter of a million 8 MiB stacks.
const REGION: usize = 2 << 40;
/// Most slots of a region.
const SLOTS: usize = 1 << 20;
/// How much becomes writable at a time, at least.
const CHUNK: usize = 64 << 20;

/// One slot's state. Zero: never used, no guard.
#[derive(Default)]
struct Slot {
    /// Pages of guard installed at its lower end.
    guard: Cell<u32>,
    /// Next free slot plus one.
    next: Cell<u32>,
    /// Threads that ended on it since its unused part was last given back.
    ends: Cell<u8>,
    /// A real mprotect was made inside.
    mixed: Cell<bool>,
    used: Cell<bool>,
}
// SAFETY: touched under the lock of `STACKS` only.
unsafe impl Sync for Slot {}

/// All stacks of one size.
struct Class {
    size: usize,
    base: usize,
    /// How many slots there is address space for.
    slots: usize,
    /// End of the mapping.
    mapped: usize,
    /// Slots ever handed out.
    front: usize,
    /// End of the writable part.
    writable: usize,
    /// First free slot plus one, 0 for none.
    free: u32,
}

struct Stacks {
    classes: [Class; CLASSES],
    guards: Guards,
}

/// How guards are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guards {
    Unknown,
    Light,
    Mprotect,
}

static STACKS: Spin<Stacks> = Spin::new(Stacks {
    classes: [const { Class { size: 0, base: 0, slots: 0, mapped: 0, front: 0, writable: 0, free: 0 } }; CLASSES],
    guards: Guards::Unknown,
});
static SLOT_TABLES: [Table<Slot>; CLASSES] = [const { Table::new() }; CLASSES];

fn advise(addr: usize, len: usize, advice: usize) -> bool {
    // SAFETY: only called for ranges inside a region of ours.
    !sys::is_err(unsafe { sys::syscall3(nr(libc::SYS_madvise), addr, len, advice) })
}

fn protect(addr: usize, len: usize, prot: i32) -> bool {
    // SAFETY: as above.
    !sys::is_err(unsafe { sys::syscall3(nr(libc::SYS_mprotect), addr, len, prot as usize) })
}

impl Class {
    fn contains(&self, addr: usize) -> bool {
        self.size != 0 && addr >= self.base && addr < self.base + self.front * self.size
    }

    fn slot_of(&self, addr: usize) -> usize {
        (addr - self.base) / self.size
    }

    /// Reserves the region of a new class.
    fn open(&mut self, table: &Table<Slot>, size: usize) -> Result<(), i32> {
        const HUGE: usize = 2 << 20;
        let slots = (REGION / size).min(SLOTS);
        let len = slots * size;
        // SAFETY: all-zero is a Slot; the caller holds the lock.
        unsafe { table.reserve(slots)? };
        let p = sys::map_with(len + 2 * HUGE, libc::PROT_NONE, libc::MAP_NORESERVE)? as usize;
        self.base = p.next_multiple_of(HUGE) + HUGE / 2;
        self.writable = self.base;
        self.size = size;
        self.slots = slots;
        self.mapped = p + len + 2 * HUGE;
        advise(p, len + 2 * HUGE, libc::MADV_DONTDUMP as usize);
        advise(p, len + 2 * HUGE, libc::MADV_NOHUGEPAGE as usize);
        Ok(())
    }

    fn take(&mut self, table: &Table<Slot>) -> Option<usize> {
        if let Some(i) = (self.free as usize).checked_sub(1) {
            let s = table.get(i)?;
            self.free = s.next.get();
            s.used.set(true);
            return Some(self.base + i * self.size);
        }
        if self.front == self.slots {
            return None;
        }
        let (addr, end) = (self.base + self.front * self.size, self.base + (self.front + 1) * self.size);
        if end > self.writable {
            let region_end = self.base + self.slots * self.size;
            let to = (end + CHUNK).min(region_end);
            if !protect(self.writable, to - self.writable, libc::PROT_READ | libc::PROT_WRITE) {
                return None;
            }
            advise(self.writable, to - self.writable, libc::MADV_DODUMP as usize);
            self.writable = to;
        }
        table.get(self.front)?.used.set(true);
        self.front += 1;
        Some(addr)
    }

    /// Gives the address space back that no slot has used yet.
    fn trim(&mut self, table: &Table<Slot>) {
        let end = self.base + self.front * self.size;
        if self.size != 0 && end < self.mapped {
            sys::unmap(end, self.mapped);
            (self.slots, self.mapped, self.writable) = (self.front, end, end);
            // SAFETY: slots past the last one are never looked at; the caller holds the lock.
            unsafe { table.shrink(self.front) };
        }
    }
}

impl Stacks {
    /// The class and slot an address lies in.
    fn find(&mut self, addr: usize) -> Option<(usize, usize)> {
        let c = self.classes.iter().position(|c| c.contains(addr))?;
        Some((c, self.classes[c].slot_of(addr)))
    }

    fn take(&mut self, size: usize) -> Option<usize> {
        let c = self.classes.iter().position(|c| c.size == size || c.size == 0)?;
        if self.classes[c].size == 0 {
            if limits::address_space_is_limited() {
                return None;
            }
            self.classes[c].open(&SLOT_TABLES[c], size).ok()?;
        }
        self.classes[c].take(&SLOT_TABLES[c])
    }

    /// Makes the first `len` bytes of a fresh stack its guard.
    fn install_guard(&mut self, slot: &Slot, start: usize, len: usize) -> bool {
        let have = slot.guard.get() as usize * PAGE;
        if have == len {
            return true;
        }
        if self.guards == Guards::Unknown {
            self.guards =
                if advise(start, len.max(PAGE), MADV_GUARD_INSTALL) { Guards::Light } else { Guards::Mprotect };
        }
        let light = self.guards == Guards::Light;
        let ok = match (light, len > have) {
            (true, true) => advise(start, len, MADV_GUARD_INSTALL),
            (true, false) => advise(start + len, have - len, MADV_GUARD_REMOVE),
            (false, true) => protect(start, len, libc::PROT_NONE),
            (false, false) => protect(start + len, have - len, libc::PROT_READ | libc::PROT_WRITE),
        };
        if ok {
            slot.guard.set((len / PAGE) as u32);
        }
        ok
    }
}

/// mmap(2): a stack of libc's comes from a slot.
pub(crate) fn mmap(t: ThreadRef) -> Step {
    const WANTED: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
    let (addr, len, prot, flags) = (t.arg(0), t.arg(1), t.arg(2) as i32, t.arg(3) as i32);
    let plain = addr == 0 && flags == WANTED && prot & libc::PROT_EXEC == 0;
    if flags & libc::MAP_FIXED != 0 {
        super::shared::mappings_changed();
    }
    if !plain || len == 0 || len % PAGE != 0 || len > REGION / 16 {
        return Step::Native;
    }
    match STACKS.lock().take(len) {
        Some(a) => Step::Done(a as isize),
        None => Step::Native,
    }
}

/// mprotect(2): libc makes all but the guard of a new stack accessible; so it is already.
pub(crate) fn mprotect(t: ThreadRef) -> Step {
    let (addr, len, prot) = (t.arg(0), t.arg(1), t.arg(2) as i32);
    let mut s = STACKS.lock();
    let Some((c, i)) = s.find(addr) else { return Step::Native };
    let (start, size) = (s.classes[c].base + i * s.classes[c].size, s.classes[c].size);
    let Some(slot) = SLOT_TABLES[c].get(i) else { return Step::Native };
    let rest = addr + len.next_multiple_of(PAGE) == start + size;
    if prot == libc::PROT_READ | libc::PROT_WRITE
        && rest
        && !slot.mixed.get()
        && s.install_guard(slot, start, addr - start)
    {
        return Step::Done(0);
    }
    slot.mixed.set(true);
    Step::Native
}

/// munmap(2): the slot is free, its memory the kernel's again; the guard stays for the next stack of this size.
pub(crate) fn munmap(t: ThreadRef) -> Step {
    let (addr, len) = (t.arg(0), t.arg(1));
    let mut s = STACKS.lock();
    let Some((c, i)) = s.find(addr) else {
        super::shared::mappings_changed();
        return Step::Native;
    };
    let (start, size) = (s.classes[c].base + i * s.classes[c].size, s.classes[c].size);
    let Some(slot) = SLOT_TABLES[c].get(i) else { return Step::Native };
    if addr != start || len.next_multiple_of(PAGE) != size || !slot.used.get() {
        // A hole in one of our regions would be filled by somebody else's mapping: the memory goes, the range stays.
        slot.mixed.set(true);
        advise(addr, len.next_multiple_of(PAGE), libc::MADV_DONTNEED as usize);
        return Step::Done(if protect(addr, len, libc::PROT_NONE) { 0 } else { -libc::ENOMEM as isize });
    }
    if slot.mixed.replace(false) {
        protect(start, size, libc::PROT_READ | libc::PROT_WRITE);
        if s.guards == Guards::Light {
            advise(start, size, MADV_GUARD_REMOVE);
        }
        slot.guard.set(0);
    }
    advise(start, size, libc::MADV_DONTNEED as usize);
    slot.used.set(false);
    slot.next.set(s.classes[c].free);
    s.classes[c].free = i as u32 + 1;
    Step::Done(0)
}

/// madvise(2): a thread that ends gives back what it does not need of a stack that libc keeps for the next one. Most have
/// never touched that part, and asking the kernel costs as much as all the rest of making and joining a thread: so one
/// that was not seen so deep is believed, but for every sixteenth on a slot. (What libc keeps is 40 MiB at most.)
pub(crate) fn madvise(t: ThreadRef) -> Step {
    const BELIEVED: u8 = 15;
    let (addr, len, advice) = (t.arg(0), t.arg(1), t.arg(2) as i32);
    if advice != libc::MADV_DONTNEED || (t.lowest_sp.get() as usize) < addr.saturating_add(len) {
        return Step::Native;
    }
    let mut s = STACKS.lock();
    let Some((c, i)) = s.find(addr) else { return Step::Native };
    let Some(slot) = SLOT_TABLES[c].get(i) else { return Step::Native };
    let own = s.find(t.regs().rsp as usize) == Some((c, i));
    if !own || slot.mixed.get() || slot.ends.get() >= BELIEVED {
        slot.ends.set(0);
        return Step::Native;
    }
    slot.ends.set(slot.ends.get() + 1);
    Step::Done(0)
}

/// Address space has become scarce: further stacks are the kernel's.
pub(crate) fn trim() {
    let mut s = STACKS.lock();
    for (class, table) in s.classes.iter_mut().zip(&SLOT_TABLES) {
        class.trim(table);
    }
}

/// Whether `addr` is in a slot: private memory.
pub(crate) fn owns(addr: usize) -> bool {
    STACKS.lock().find(addr).is_some()
}

/// Whether `addr` is in the guard of a stack: an overflow. Safe in a signal handler of a thread outside the engine.
pub(crate) fn is_guard(addr: usize) -> bool {
    let mut s = STACKS.lock();
    let Some((c, i)) = s.find(addr) else { return false };
    let start = s.classes[c].base + i * s.classes[c].size;
    SLOT_TABLES[c].get(i).is_some_and(|slot| addr - start < slot.guard.get() as usize * PAGE)
}

/// The lock, held across a fork.
pub(crate) fn freeze() -> impl Drop {
    STACKS.lock()
}

#[cfg(test)]
mod tests;
