//! From the sites of an object to bytes: its trampolines, written, and the changes to its text, not
//! yet made. Until a plan is installed the process is as it was.
//!
//! ```text
//!             copies of the instructions from the replaced one up to the syscall
//! enter:      lea r11, [rip+6]          ; r11 = call: syscall destroys it anyway
//!             jmp [rip+..]              ; to the entry, whose address begins the area
//! call:       syscall
//!             jmp site+2
//! ```
//!
//! The entry gets every register and the stack as they were at the site, but r11. It ends with `jmp
//! r11`, which makes the call natively, or it puts the result into rax and jumps to `r11 + 2`. The
//! address behind the site, which an unwinder needs, is in the last jump: `site + 2 == r11 + 7 +
//! *(r11 + 3 as *const i32)`.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use iced_x86::{Decoder, DecoderOptions};

use super::area::{Areas, Sealed};
use super::maps::Region;
use super::relocate::{displacement, write_moved};
use super::scan::{Left, Reason, Scan, Site};
use super::search::SYSCALL;
use super::table::{Record, Step};
use super::text::Patch;
use super::window::{JUMP, Jump, Window, hop};
use super::{Error, Object};

/// `jmp rel32` and `int3`.
const JMP_REL32: u8 = 0xe9;
const JMP_REL8: u8 = 0xeb;
const INT3: u8 = 0xcc;
/// From `enter` to `call`, and to the end.
const TO_CALL: usize = 13;
const TO_END: usize = TO_CALL + SYSCALL.len() + JUMP;

/// What is to be done to one object.
#[derive(Debug)]
pub struct Plan {
    pub(super) patches: Vec<Patch>,
    pub(super) records: Vec<Record>,
    pub(super) steps: Vec<Step>,
    pub(super) areas: Sealed,
    /// The sites that stay as they are.
    pub left: Vec<Left>,
}

impl Plan {
    /// Plans the sites of `scan`, a scan of `object`, to lead to the code at `entry`.
    pub fn new(object: &Object, scan: Scan, entry: usize) -> Result<Plan, Error> {
        Plan::with_map(object, scan, entry, &super::maps::regions()?)
    }

    pub(super) fn with_map(object: &Object, scan: Scan, entry: usize, regions: &[Region]) -> Result<Plan, Error> {
        let mut draft = Draft {
            object,
            areas: Areas::new(entry, regions),
            taken: BTreeMap::new(),
            patches: Vec::new(),
            records: Vec::new(),
            steps: Vec::new(),
        };
        let mut left = scan.left;
        if !scan.sites.is_empty() {
            let room = scan.sites.iter().map(|site| {
                let longest = site.windows.iter().map(|window| room(site, window)).max();
                longest.unwrap_or(0)
            });
            draft.areas.map_near(&object.span(), room.sum())?;
            // First those with the best kind of window; what they take is no longer there for
            // others.
            let (direct, others): (Vec<_>, Vec<_>) =
                scan.sites.iter().partition(|site| site.windows[0].jump == Jump::Direct);
            for site in direct.into_iter().chain(others) {
                if !site.windows.iter().any(|window| draft.add(site, window).is_some()) {
                    left.push(Left { address: site.address, reason: Reason::NoMemory });
                }
            }
        }
        let Draft { areas, patches, mut records, steps, .. } = draft;
        records.sort_by_key(|record| record.site);
        Ok(Plan { patches, records, steps, areas: areas.seal()?, left })
    }

    /// How many sites it patches.
    pub fn patched(&self) -> usize {
        self.records.len()
    }
}

struct Draft<'a> {
    object: &'a Object,
    areas: Areas,
    /// Bytes of the text that change or must not change: start to end.
    taken: BTreeMap<usize, usize>,
    patches: Vec<Patch>,
    records: Vec<Record>,
    steps: Vec<Step>,
}

impl Draft<'_> {
    /// Patches `site` by way of `window`. `None`, and nothing done: there is no room.
    fn add(&mut self, site: &Site, window: &Window) -> Option<()> {
        let taken = match window.jump {
            Jump::Hop(hole) => [site.address..site.address + SYSCALL.len(), hole.range()],
            _ => [window.start..window.start + window.length.max(JUMP), 0..0],
        };
        if taken.iter().any(|range| self.is_taken(range)) {
            return None;
        }
        let room = room(site, window);
        let start = match window.jump {
            Jump::Borrowed => {
                let following = self.object.bytes(window.start, JUMP)?;
                let targets = targets(window.start + JUMP, window.length, following)?;
                self.areas.place(targets, room)?
            }
            _ => self.areas.place_anywhere(room)?,
        };
        let first_step = self.steps.len();
        let written = self.trampoline(site, window, start);
        let (Some((code, enter)), Some(patches)) = (written, self.jumps(site, window, start)) else {
            self.steps.truncate(first_step);
            return None;
        };
        self.areas.write(start, &code);
        self.patches.extend(patches);
        self.taken.extend(taken.iter().map(|range| (range.start, range.end)));
        self.records.push(Record {
            site: site.address,
            window: window.start,
            hole: if let Jump::Hop(hole) = window.jump { hole.jump } else { 0 },
            start,
            enter,
            call: enter + TO_CALL,
            end: enter + TO_END,
            steps: first_step as u32..self.steps.len() as u32,
        });
        Some(())
    }

    fn is_taken(&self, range: &Range<usize>) -> bool {
        let before = self.taken.range(..range.end).next_back();
        before.is_some_and(|(_, &end)| end > range.start)
    }

    /// The code of a trampoline at `start`, and where `enter` is. Notes the steps.
    fn trampoline(&mut self, site: &Site, window: &Window, start: usize) -> Option<(Vec<u8>, usize)> {
        let mut code = Vec::with_capacity(64);
        let mut original = self.object.bytes(window.start, site.address - window.start)?;
        let mut decoder = Decoder::with_ip(64, original, window.start as u64, DecoderOptions::NONE);
        while decoder.can_decode() {
            let instruction = decoder.decode();
            let (bytes, rest) = original.split_at(instruction.len());
            original = rest;
            let copy = start + code.len();
            self.steps.push(Step { original: instruction.ip() as usize, copy });
            write_moved(&instruction, bytes, copy, &mut code)?;
        }
        let enter = start + code.len();
        let entry = self.areas.entry_near(start)?;
        code.extend([0x4c, 0x8d, 0x1d, 6, 0, 0, 0]);
        code.extend([0xff, 0x25]);
        code.extend(displacement(enter + TO_CALL, entry)?);
        code.extend(SYSCALL);
        code.push(JMP_REL32);
        code.extend(displacement(enter + TO_END, site.address + SYSCALL.len())?);
        Some((code, enter))
    }

    /// The changes to the text, in the order in which they must be made.
    fn jumps(&self, site: &Site, window: &Window, start: usize) -> Option<Vec<Patch>> {
        let jump_at = if let Jump::Hop(hole) = window.jump { hole.jump } else { window.start };
        let mut jump = vec![JMP_REL32];
        jump.extend(displacement(jump_at + JUMP, start)?);
        let patch = |at: usize, bytes: &[u8]| Some(Patch::new(at, self.object.bytes(at, bytes.len())?, bytes));
        match window.jump {
            Jump::Direct => {
                jump.resize(window.length, INT3);
                Some(vec![patch(window.start, &jump)?])
            }
            Jump::Borrowed => Some(vec![patch(window.start, &jump[..window.length])?]),
            Jump::Hop(hole) => {
                let here = hop(site.address, &hole)?;
                let mut filled = match hole.nop {
                    0 => Vec::new(),
                    length => vec![JMP_REL8, (length - SYSCALL.len()) as u8],
                };
                filled.extend(jump);
                let hole = patch(hole.range().start, &filled)?;
                Some(vec![hole, patch(site.address, &[JMP_REL8, here])?])
            }
        }
    }
}

/// The most bytes that a trampoline for `window` takes, alignment included: no instruction grows
/// more than a short conditional jump, from 2 bytes to 6.
fn room(site: &Site, window: &Window) -> usize {
    (3 * (site.address - window.start) + TO_END).next_multiple_of(8)
}

/// Where a jump that ends at `next` can lead when only `own` of its five bytes may be chosen and
/// the others are those of `following` (the five bytes that are there now). `None`: outside of
/// memory.
fn targets(next: usize, own: usize, following: &[u8]) -> Option<RangeInclusive<usize>> {
    let mut field = [0; 4];
    field[own - 1..].copy_from_slice(&following[own..JUMP]);
    let least = i32::from_le_bytes(field) as isize;
    let span = (1usize << (8 * (own - 1))) - 1;
    let first = next.checked_add_signed(least)?;
    Some(first..=first + span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borrowed_bytes_are_the_high_bytes_of_the_displacement() {
        // mov eax,r12d (44 89 e0) before syscall (0f 05): 0x050fxxxx ahead.
        let targets = targets(0x1000_0005, 3, &[0x44, 0x89, 0xe0, 0x0f, 0x05]).unwrap();
        assert_eq!(targets, 0x150f_0005..=0x150f_0005 + 0xffff);
    }

    #[test]
    fn a_borrowed_negative_displacement_leads_back() {
        let targets = targets(0x9000_0005, 4, &[0, 0, 0, 0, 0xff]).unwrap();
        assert_eq!(targets, 0x8f00_0005..=0x9000_0004);
        assert_eq!(super::targets(0x1005, 4, &[0, 0, 0, 0, 0x80]), None);
    }
}
