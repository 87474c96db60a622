//! Memory for trampolines: near the code they serve, writable while they are written, executable
//! afterwards, never both.
//!
//! An area begins with the address of the entry, which its trampolines jump through:
//!
//! ```text
//! +0   entry    8 bytes
//! +8   padding
//! +16  trampolines
//! ```
//!
//! Unsafe: maps memory and writes to it. The mappings belong to [`Areas`] until they are kept.

use core::ops::{Range, RangeInclusive};

use super::Error;
use super::kernel::{self, Errno, PAGE};
use super::maps::Region;

/// Where the first trampoline of an area stands.
const FIRST: usize = 16;
/// How far a 32-bit displacement reaches, less what an operand may lie outside of its object.
const REACH: usize = (1 << 31) - (1 << 20);
/// Below this nothing can be mapped (`vm.mmap_min_addr`).
const LOWEST: usize = 1 << 16;
/// The end of user space (Documentation/arch/x86/x86_64/mm.rst), less the guard page.
const HIGHEST: usize = (1 << 47) - PAGE;
/// What the stack may still grow into: the kernel keeps mappings this far below it
/// (`mmap_base`, arch/x86/mm/mmap.c).
const BELOW_STACK: usize = 128 << 20;
/// What the heap may still grow into.
const ABOVE_HEAP: usize = 1 << 30;

struct Area {
    range: Range<usize>,
    /// Where the next trampoline may stand.
    next: usize,
}

/// The areas of one object.
pub(super) struct Areas {
    areas: Vec<Area>,
    free: Vec<Range<usize>>,
    entry: usize,
}

impl Areas {
    /// None yet; all that will be made lead to `entry`.
    pub(super) fn new(entry: usize, regions: &[Region]) -> Self {
        Areas { areas: Vec::new(), free: free_memory(regions), entry }
    }

    /// Maps an area with room for `length` bytes of trampolines within reach of all of `span`.
    pub(super) fn map_near(&mut self, span: &Range<usize>, length: usize) -> Result<(), Error> {
        let size = (FIRST + length).next_multiple_of(PAGE);
        if span.len() + size > REACH {
            return Err(Error::TooLarge);
        }
        let starts = (span.end + size).saturating_sub(REACH)..=span.start + REACH - size;
        // Below the object first: the heap grows up from the program.
        let below = self.free.iter().rev().filter(|gap| gap.end <= span.start);
        let above = self.free.iter().filter(|gap| gap.start >= span.end);
        let bases: Vec<usize> = below
            .chain(above)
            .filter_map(|gap| {
                let end = gap.end.min(starts.end() + size);
                let base = end.saturating_sub(size) & !(PAGE - 1);
                (base >= gap.start && starts.contains(&base)).then_some(base)
            })
            .collect();
        let mut error = Errno(libc::ENOMEM);
        for base in bases {
            match self.map(base, size) {
                Ok(()) => return Ok(()),
                // Another thread was faster; anything else may be peculiar to the place as well.
                Err(errno) => error = errno,
            }
        }
        Err(Error::NoNearMemory(error))
    }

    /// Room for a trampoline of `length` bytes that starts in `starts`, in an area there is or in a
    /// new one. It is the caller's once [`Areas::write`] has been called.
    pub(super) fn place(&mut self, starts: RangeInclusive<usize>, length: usize) -> Option<usize> {
        let fits = |area: &Area| {
            let start = area.next.max(*starts.start());
            (starts.contains(&start) && start + length <= area.range.end).then_some(start)
        };
        if let Some(start) = self.areas.iter().find_map(fits) {
            return Some(start);
        }
        let fits = |gap: &Range<usize>| {
            let base = gap.start.max(starts.start() & !(PAGE - 1));
            let start = (*starts.start()).max(base + FIRST);
            let end = (start + length).next_multiple_of(PAGE);
            (starts.contains(&start) && end <= gap.end).then_some((base..end, start))
        };
        let places: Vec<_> = self.free.iter().filter_map(fits).collect();
        places.into_iter().find_map(|(area, start)| {
            self.map(area.start, area.len()).ok()?;
            Some(start)
        })
    }

    /// Room for `length` bytes in the area that was mapped last by [`Areas::map_near`].
    pub(super) fn place_anywhere(&mut self, length: usize) -> Option<usize> {
        let area = self.areas.iter().find(|area| area.next + length <= area.range.end)?;
        Some(area.next)
    }

    /// Where the address of the entry stands that a trampoline at `start` jumps through.
    pub(super) fn entry_near(&self, start: usize) -> Option<usize> {
        Some(self.areas.iter().find(|area| area.range.contains(&start))?.range.start)
    }

    /// Writes a trampoline at `start`, a place that [`Areas::place`] has given.
    pub(super) fn write(&mut self, start: usize, code: &[u8]) {
        let area = self.areas.iter_mut().find(|area| area.range.contains(&start));
        let area = area.expect("the place was given by this set of areas");
        assert!(start >= area.next && start + code.len() <= area.range.end, "room was promised");
        // SAFETY: inside one of our own mappings (just checked), which is writable until `seal`.
        unsafe { core::ptr::copy_nonoverlapping(code.as_ptr(), start as *mut u8, code.len()) };
        area.next = (start + code.len()).next_multiple_of(8);
    }

    /// Makes all areas executable and ends writing. They are unmapped again when the answer is
    /// dropped.
    pub(super) fn seal(mut self) -> Result<Sealed, Error> {
        let sealed = Sealed { ranges: self.areas.drain(..).map(|area| area.range).collect() };
        for range in &sealed.ranges {
            // SAFETY: our own mapping; no reference into it exists, and `self` writes no more.
            unsafe { kernel::make_code(range.start, range.len()) }.map_err(Error::NoNewCode)?;
        }
        Ok(sealed)
    }

    fn map(&mut self, start: usize, size: usize) -> Result<(), Errno> {
        kernel::map(start, size)?;
        let range = start..start + size;
        // SAFETY: fresh memory of ours, aligned to a page.
        unsafe { (start as *mut usize).write(self.entry) };
        let split = |gap: Range<usize>| {
            let (before, after) = (gap.start..gap.end.min(start), gap.start.max(range.end)..gap.end);
            [before, after].into_iter().filter(|part| !part.is_empty())
        };
        self.free = core::mem::take(&mut self.free).into_iter().flat_map(split).collect();
        self.areas.push(Area { range: range.clone(), next: start + FIRST });
        Ok(())
    }
}

impl Drop for Areas {
    fn drop(&mut self) {
        for area in &self.areas {
            // SAFETY: our own mapping, not yet code, so nobody runs in it.
            unsafe { kernel::unmap(area.range.start, area.range.len()) };
        }
    }
}

/// Areas that hold finished trampolines.
#[derive(Debug)]
pub(super) struct Sealed {
    ranges: Vec<Range<usize>>,
}

impl Sealed {
    /// The memory, which from now on stays for good: threads may run in it.
    pub(super) fn keep(mut self) {
        self.ranges.clear();
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        for range in &self.ranges {
            // SAFETY: our own mapping; no jump leads to it, since it was not kept.
            unsafe { kernel::unmap(range.start, range.len()) };
        }
    }
}

/// The gaps between `regions`, without what stack and heap may need.
fn free_memory(regions: &[Region]) -> Vec<Range<usize>> {
    let mut gaps = Vec::new();
    let mut from = LOWEST;
    for region in regions {
        let (start, end) = match region.name.as_str() {
            "[stack]" => (region.range.start.saturating_sub(BELOW_STACK), region.range.end),
            "[heap]" => (region.range.start, region.range.end + ABOVE_HEAP),
            _ => (region.range.start, region.range.end),
        };
        if start > from {
            gaps.push(from..start.min(HIGHEST));
        }
        from = from.max(end);
    }
    if from < HIGHEST {
        gaps.push(from..HIGHEST);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::maps::regions;

    fn region(range: Range<usize>, name: &str) -> Region {
        let name = name.to_owned();
        Region { range, read: true, exec: false, offset: 0, device: 0, inode: 0, name }
    }

    #[test]
    fn stack_and_heap_keep_room_to_grow() {
        let regions = [
            region(0x40_0000..0x50_0000, "/bin/program"),
            region(0x60_0000..0x70_0000, "[heap]"),
            region(0x7fff_0000_0000..0x7fff_0010_0000, "[stack]"),
        ];
        let heap_end = 0x70_0000 + ABOVE_HEAP;
        let expected = [
            LOWEST..0x40_0000,
            0x50_0000..0x60_0000,
            heap_end..0x7fff_0000_0000 - BELOW_STACK,
            0x7fff_0010_0000..HIGHEST,
        ];
        assert_eq!(free_memory(&regions), expected);
    }

    #[test]
    fn a_place_is_given_where_it_is_asked_for_and_once() {
        let map = regions().unwrap();
        let free = free_memory(&map);
        let gap = free.iter().max_by_key(|gap| gap.len()).unwrap();
        let middle = (gap.start + gap.len() / 2) & !0xffff;
        let mut areas = Areas::new(0x1234, &map);
        for wanted in [middle + 0x100, middle + 0x180, middle + 0x1000 - 8] {
            let start = areas.place(wanted..=wanted + 0x3f, 64).unwrap();
            assert!((wanted..=wanted + 0x3f).contains(&start));
            areas.write(start, &[0x90; 64]);
            let entry = areas.entry_near(start).unwrap();
            // SAFETY: `entry_near` gives an address inside a live area.
            assert_eq!(unsafe { (entry as *const usize).read() }, 0x1234);
        }
        assert_eq!(areas.place(middle + 0x100..=middle + 0x100, 64), None, "taken");
    }

    #[test]
    fn near_memory_is_near_and_goes_away_again() {
        let map = regions().unwrap();
        let here = map.iter().find(|region| region.exec).unwrap().range.clone();
        let mut areas = Areas::new(0, &map);
        areas.map_near(&here, 10_000).unwrap();
        let start = areas.place_anywhere(10_000).unwrap();
        assert!(start.abs_diff(here.start) < REACH);
        let sealed = areas.seal().unwrap();
        let mapped = |map: &[Region]| map.iter().any(|region| region.range.contains(&start));
        assert!(mapped(&regions().unwrap()));
        drop(sealed);
        assert!(!mapped(&regions().unwrap()));
    }
}
