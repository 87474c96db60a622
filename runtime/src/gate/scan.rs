//! Finding the `syscall` instructions of an object.
//!
//! Only functions that contain the bytes `0F 05` are decoded, which is a tenth of libc. A site that
//! cannot be patched is not an error: it is left as it is, with a reason.

use core::fmt;
use core::ops::Range;

use super::Object;
use super::code::Code;
use super::functions::Functions;
use super::gaps::{self, Gaps};
use super::relocate::is_nop;
use super::search::{SYSCALL, branches_into, syscalls};
use super::window::{self, Hole, Window};

/// Why a `syscall` instruction stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is `rt_sigreturn`, which the kernel and unwinders know by its bytes and which must see
    /// the stack as it is.
    SignalReturn,
    /// It lies in no function of the unwind table, if the object has any, and nothing says that the bytes are code at all.
    OutsideFunctions,
    /// The function around it cannot be decoded as a whole.
    Undecodable,
    /// No instruction nearby can hold a jump.
    NoWindow,
    /// The only jumps that fit lead to memory that is taken.
    NoMemory,
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Reason::SignalReturn => "returns from a signal handler",
            Reason::OutsideFunctions => "lies in no known function",
            Reason::Undecodable => "lies in a function that cannot be decoded",
            Reason::NoWindow => "no instruction near it can hold a jump",
            Reason::NoMemory => "the memory its jump could lead to is in use",
        })
    }
}

/// A `syscall` instruction that stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where it is.
    pub address: usize,
    /// Why it stays.
    pub reason: Reason,
}

/// A `syscall` instruction that can be patched.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where it is.
    pub address: usize,
    /// Where its jump may go; never empty.
    pub(super) windows: Vec<Window>,
}

/// All that an object has.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Those that can be patched, in order of address.
    pub sites: Vec<Site>,
    /// Those that cannot.
    pub left: Vec<Left>,
}

/// Finds the sites of `object`.
pub fn scan(object: &Object) -> Scan {
    let mut scan = Scan::default();
    for code in object.code() {
        let Some(bytes) = object.bytes(code.start, code.len()) else {
            continue;
        };
        let found: Vec<usize> = syscalls(bytes).into_iter().map(|offset| code.start + offset).collect();
        scan.add(object, &found);
    }
    scan.drop_windows_entered_from_afar(object);
    scan
}

impl Scan {
    fn leave(&mut self, address: usize, reason: Reason) {
        self.left.push(Left { address, reason });
    }

    /// Sorts `found`, places with the bytes of a syscall in order of address, into sites, those
    /// that are left, and accidents.
    fn add(&mut self, object: &Object, found: &[usize]) {
        let functions = Functions::of(object);
        let gaps = Gaps::of(object);
        let mut current: Option<(usize, Range<usize>, Option<Code>)> = None;
        for &address in found {
            if returns_from_signal(object, address) {
                self.leave(address, Reason::SignalReturn);
                continue;
            }
            if !current.as_ref().is_some_and(|(_, range, _)| range.contains(&address)) {
                current = functions.as_ref().and_then(|functions| {
                    let index = functions.before(address)?;
                    let range = functions.range(index).filter(|range| range.contains(&address))?;
                    Some((index, range.clone(), Code::decode(object, range)))
                });
            }
            let around = current.as_ref().map(|(index, _, code)| (*index, code.as_ref()));
            match choices(&gaps, functions.as_ref(), around, address) {
                Some(Ok(windows)) if windows.is_empty() => self.leave(address, Reason::NoWindow),
                Some(Ok(windows)) => self.sites.push(Site { address, windows }),
                Some(Err(reason)) => self.leave(address, reason),
                None => {}
            }
        }
    }

    /// Drops the windows that other functions jump into: the compiler moves unlikely parts of a
    /// function far away (`.cold`), and they come back by jumps with a 32-bit displacement.
    fn drop_windows_entered_from_afar(&mut self, object: &Object) {
        let guarded = |site: &Site| {
            let address = site.address;
            site.windows.iter().flat_map(move |window| window.no_landing(address)).collect::<Vec<_>>()
        };
        let mut places: Vec<Range<usize>> =
            self.sites.iter().flat_map(guarded).filter(|range| !range.is_empty()).collect();
        places.sort_by_key(|range| range.start);
        places.dedup_by(|next, previous| {
            let joined = next.start <= previous.end;
            if joined {
                previous.end = previous.end.max(next.end);
            }
            joined
        });
        let mut hits = Vec::new();
        for code in object.code() {
            if let Some(bytes) = object.bytes(code.start, code.len()) {
                branches_into(bytes, code.start, &places, |from, to| hits.push((from, to)));
            }
        }
        for site in self.sites.iter_mut() {
            let address = site.address;
            // A way back from right behind the syscall was judged when the window was chosen.
            let hits = hits.iter().filter(|(from, _)| *from != address + SYSCALL.len());
            for (_, to) in hits {
                site.windows.retain(|window| !window.no_landing(address).iter().any(|range| range.contains(to)));
            }
        }
        let left = &mut self.left;
        self.sites.retain(|site| {
            if site.windows.is_empty() {
                left.push(Left { address: site.address, reason: Reason::NoWindow });
            }
            !site.windows.is_empty()
        });
    }
}

/// The windows of what looks like a syscall at `address`, in a function of the table (its index and, if it can be decoded, its
/// code) or outside of all. `None`: it is part of another instruction, or data.
fn choices(
    gaps: &Gaps,
    functions: Option<&Functions>,
    around: Option<(usize, Option<&Code>)>,
    address: usize,
) -> Option<Result<Vec<Window>, Reason>> {
    let object = gaps.object();
    if let (Some(functions), Some((index, Some(code)))) = (functions, around) {
        let holes = || holes_around(object, functions, index, code);
        return Some(Ok(window::choices(code, code.index_of(address)?, holes)));
    }
    if let Some(window) = gaps::numbered(object, address) {
        return Some(Ok(vec![window]));
    }
    if around.is_some() {
        return Some(Err(Reason::Undecodable));
    }
    if let Some(code) = gaps.code_around(functions, address) {
        return Some(Ok(window::choices(&code, code.index_of(address)?, || window::holes_inside(&code))));
    }
    // Linkers may put constants into the same segment, before or behind all functions.
    functions.is_none_or(|functions| functions.span().contains(&address)).then_some(Err(Reason::OutsideFunctions))
}

/// glibc's `__restore_rt` (sysdeps/unix/sysv/linux/x86_64/libc_sigaction.c): `mov rax,15; syscall`,
/// also in the short form. Judged by its bytes, because its unwind entry begins one byte early.
fn returns_from_signal(object: &Object, address: usize) -> bool {
    let before = |length| object.bytes(address - length, length);
    before(7) == Some(&[0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0]) || before(5) == Some(&[0xb8, 0x0f, 0, 0, 0])
}

/// The unused bytes in function `index` and right before and behind it.
fn holes_around(object: &Object, functions: &Functions, index: usize, code: &Code) -> Vec<Hole> {
    let mut holes = window::holes_inside(code);
    let after = |index: usize, code: &Code| -> Option<Range<usize>> {
        let gap = code.range.end..functions.range(index + 1)?.start;
        let bytes = object.bytes(gap.start, gap.end.checked_sub(gap.start)?)?;
        (window::ends_for_good(code) && is_padding(bytes)).then_some(gap)
    };
    if let Some(gap) = after(index, code) {
        holes.extend(window::holes_in_padding(gap));
    }
    let previous = index.checked_sub(1).and_then(|index| Some((index, Code::decode(object, functions.range(index)?)?)));
    if let Some(gap) = previous.and_then(|(index, code)| after(index, &code)) {
        holes.extend(window::holes_in_padding(gap));
    }
    holes
}

/// Is it nothing but nops and breakpoints?
fn is_padding(bytes: &[u8]) -> bool {
    let mut decoder = iced_x86::Decoder::new(64, bytes, iced_x86::DecoderOptions::NONE);
    decoder.iter().all(|instruction| is_nop(&instruction) || instruction.mnemonic() == iced_x86::Mnemonic::Int3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::window::{JUMP, Jump, Window};

    /// `mov eax,39; syscall; ret`, padding, and a jump from a function far away.
    #[test]
    fn a_window_that_another_function_jumps_into_is_not_used() {
        let mut code = vec![0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3];
        code.resize(300, 0xcc);
        code.extend([0xe9, 0, 0, 0, 0, 0xc3]);
        for (target, kept) in [(0, true), (1, false), (5, false), (6, true), (7, true)] {
            code[301..305].copy_from_slice(&(target - 305_i32).to_le_bytes());
            let object = Object::of_code(code.as_ptr() as usize..code.as_ptr() as usize + code.len());
            let start = code.as_ptr() as usize;
            let window = Window { start, length: JUMP, jump: Jump::Direct };
            let site = Site { address: start + JUMP, windows: vec![window] };
            let mut scan = Scan { sites: vec![site], left: Vec::new() };
            scan.drop_windows_entered_from_afar(&object);
            assert_eq!(scan.sites.len(), usize::from(kept), "{target}");
            let left = Left { address: start + JUMP, reason: Reason::NoWindow };
            assert_eq!(scan.left, if kept { vec![] } else { vec![left] });
        }
    }
}
