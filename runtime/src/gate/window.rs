//! Where the jump to the trampoline can stand for a given `syscall` instruction. Pure: bytes in,
//! choices out.
//!
//! **The rule:** exactly one instruction is replaced, and every other byte keeps its value. So
//! wherever a thread may be at that moment (preempted between two instructions, in a signal
//! handler, or blocked in the kernel and about to return behind the `syscall` or, to restart, to
//! the `syscall` itself), it finds the code that was there before, and no thread ever runs half a
//! jump. There is no need for breakpoints, which would kill a thread that blocks SIGTRAP, nor to
//! know where threads are. A branch that lands in a window unnoticed would miss the gate, not
//! crash.
//!
//! Three ways, best first:
//!
//! ```text
//! direct: an instruction of 5 bytes or more before the syscall; those between are copied
//!     b8 27 00 00 00   mov eax,39      ->  e9 xx xx xx xx   jmp trampoline
//!     0f 05            syscall             0f 05            syscall
//!
//! hop: the syscall itself, when there is unused padding (or a long nop) within 127 bytes
//!     0f 05            syscall         ->  eb dd            jmp hole
//!     ...                                  ...
//!     66 0f 1f 44 ..   nop                 e9 xx xx xx xx   jmp trampoline
//!
//! borrowed: a shorter instruction; its jump ends in the bytes that follow, which are part of its
//! displacement, so the trampoline must be where they say (here, 0x050fxxxx further on)
//!     44 89 e0         mov eax,r12d    ->  e9 xx xx         jmp trampoline
//!     0f 05            syscall             0f 05            syscall
//! ```

use core::ops::Range;

use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind};

use super::code::Code;
use super::relocate::{is_nop, movable};
use super::search::SYSCALL;

/// The length of `jmp rel32`.
pub(super) const JUMP: usize = 5;
/// How many instructions before the syscall are looked at. The 507 direct windows of glibc 2.36
/// need at most 7.
const REACH: usize = 12;

/// A place for the jump of one site: from the replaced instruction to the end of the syscall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The replaced instruction; the site itself for a hop.
    pub(super) start: usize,
    /// Its length.
    pub(super) length: usize,
    pub(super) jump: Jump,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Jump {
    Direct,
    Hop(Hole),
    Borrowed,
}

/// Bytes that no thread executes, or only as a nop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    /// Where the long jump goes.
    pub(super) jump: usize,
    /// The length of the single long nop that the hole is in, two bytes from its start, or 0. It is
    /// run through, so it needs a short jump over all of it.
    pub(super) nop: usize,
}

impl Hole {
    /// The bytes that change.
    pub(super) fn range(&self) -> Range<usize> {
        self.jump - if self.nop > 0 { SYSCALL.len() } else { 0 }..self.jump + JUMP
    }
}

impl Window {
    /// Addresses that no branch may land on: everything behind the start of the replaced
    /// instruction, up to the syscall. A branch to the start is fine.
    pub(super) fn no_landing(&self, site: usize) -> [Range<usize>; 2] {
        match self.jump {
            Jump::Hop(hole) => {
                let range = hole.range();
                [site + 1..site + SYSCALL.len(), range.start + usize::from(hole.nop > 0)..range.end]
            }
            _ => [self.start + 1..site + 1, 0..0],
        }
    }
}

/// All choices for the syscall that is instruction `site` of `code`, best first.
pub(super) fn choices(code: &Code, site: usize, holes: impl FnOnce() -> Vec<Hole>) -> Vec<Window> {
    let site_address = code.instructions[site].ip() as usize;
    let mut borrowed = Vec::new();
    for first in (site.saturating_sub(REACH)..=site).rev() {
        let (start, length) = (code.instructions[first].ip() as usize, code.instructions[first].len());
        if first != site && !movable(&code.instructions[first]) || jumped_into(code, first, site) {
            break;
        }
        if length >= JUMP {
            return vec![Window { start, length, jump: Jump::Direct }];
        }
        borrowed.push(Window { start, length, jump: Jump::Borrowed });
    }
    // The longer the instruction, the fewer bytes are borrowed, and the more room there is for the
    // trampoline.
    borrowed.retain(|window| window.length > 1 && window.start + JUMP <= code.range.end);
    borrowed.sort_by_key(|window| core::cmp::Reverse(window.length));
    let mut holes = holes();
    holes.retain(|hole| hop(site_address, hole).is_some());
    holes.sort_by_key(|hole| hole.jump.abs_diff(site_address));
    let hops =
        holes.into_iter().map(|hole| Window { start: site_address, length: SYSCALL.len(), jump: Jump::Hop(hole) });
    hops.chain(borrowed).collect()
}

/// Is it glibc's `while (1) exit (status);` (nptl/pthread_create.c), whose way back is never taken? Without this the thread's
/// exit had but a few places for its trampoline, and a thread whose exit is not seen is lost. The number may be set some
/// instructions before the loop.
fn exits(code: &Code, site: usize) -> bool {
    let loops =
        code.instructions.get(site + 1).is_some_and(|next| next.flow_control() == FlowControl::UnconditionalBranch);
    loops
        && code.instructions[site.saturating_sub(REACH)..site].iter().any(|instruction| {
            instruction.mnemonic() == Mnemonic::Mov
                && matches!(instruction.op1_kind(), OpKind::Immediate32 | OpKind::Immediate32to64)
                && [libc::SYS_exit, libc::SYS_exit_group].contains(&(instruction.immediate(1) as libc::c_long))
        })
}

/// The displacement of the short jump that stands at `site` and reaches `hole`.
pub(super) fn hop(site: usize, hole: &Hole) -> Option<u8> {
    let distance = hole.jump.wrapping_sub(site + SYSCALL.len()) as isize;
    i8::try_from(distance).ok().map(|distance| distance as u8)
}

/// Does a branch of the function land between the start of instruction `first` and that of the
/// syscall `site`?
fn jumped_into(code: &Code, first: usize, site: usize) -> bool {
    let start = code.instructions[first].ip() as usize;
    let site_address = code.instructions[site].ip() as usize;
    let behind = site_address + SYSCALL.len();
    let never_returns = exits(code, site);
    code.branches_into(start + 1..site_address + 1).any(|from| !(never_returns && from == behind))
}

/// The holes in the padding behind an instruction that does not fall through.
pub(super) fn holes_in_padding(padding: Range<usize>) -> impl Iterator<Item = Hole> {
    padding.clone().step_by(JUMP).filter(move |jump| jump + JUMP <= padding.end).map(|jump| Hole { jump, nop: 0 })
}

/// Does control never pass from the last instruction of `code` to what follows?
pub(super) fn ends_for_good(code: &Code) -> bool {
    use FlowControl::{Exception, IndirectBranch, Interrupt, Return, UnconditionalBranch};
    let last = code.instructions.last();
    last.is_some_and(|last| {
        matches!(last.flow_control(), Return | UnconditionalBranch | IndirectBranch | Exception | Interrupt)
    })
}

/// The holes inside a function: nops and breakpoints behind an unconditional transfer, and single nops long enough
/// to be jumped over.
pub(super) fn holes_inside(code: &Code) -> Vec<Hole> {
    let is_padding = |instruction: &Instruction| is_nop(instruction) || instruction.mnemonic() == Mnemonic::Int3;
    let mut holes = Vec::new();
    let mut previous_leaves = false;
    let mut index = 0;
    while let Some(instruction) = code.instructions.get(index) {
        let start = instruction.ip() as usize;
        if !previous_leaves || !is_padding(instruction) {
            let hole = Hole { jump: start + SYSCALL.len(), nop: instruction.len() };
            if is_nop(instruction)
                && instruction.len() >= SYSCALL.len() + JUMP
                && code.branches_into(start + 1..start + instruction.len()).next().is_none()
            {
                holes.push(hole);
            }
            previous_leaves =
                matches!(instruction.flow_control(), FlowControl::Return | FlowControl::UnconditionalBranch);
            index += 1;
            continue;
        }
        let mut end = start;
        while let Some(unused) = code.instructions.get(index).filter(|next| is_padding(next)) {
            if code.branches_into(unused.ip() as usize..unused.next_ip() as usize).next().is_some() {
                break;
            }
            end = unused.next_ip() as usize;
            index += 1;
        }
        holes.extend(holes_in_padding(start..end));
        previous_leaves = false;
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Object;

    fn windows(bytes: &[u8]) -> Vec<Window> {
        let start = bytes.as_ptr() as usize;
        let code = Code::decode(&Object::of_code(start..start + bytes.len()), start..start + bytes.len()).unwrap();
        let site = code.index_of(start + bytes.windows(2).position(|pair| pair == SYSCALL).unwrap()).unwrap();
        choices(&code, site, Vec::new)
    }

    #[test]
    fn the_exit_of_a_thread_may_be_jumped_back_into() {
        // The loop of start_thread in glibc 2.36 and 2.41; with another number, and with a condition.
        let mut code = [
            0xba, 0x3c, 0, 0, 0, // mov edx, 60
            0x66, 0x90, // xchg ax, ax
            0x31, 0xff, // xor edi, edi
            0x89, 0xd0, // mov eax, edx
            0x0f, 0x05, // syscall
            0xeb, 0xf8, // jmp -8
        ];
        assert_eq!(windows(&code)[..], [Window { start: code.as_ptr() as usize, length: 5, jump: Jump::Direct }]);
        code[1] = libc::SYS_getpid as u8;
        assert!(windows(&code).iter().all(|window| window.jump == Jump::Borrowed));
        code[1] = libc::SYS_exit as u8;
        code[13] = 0x74; // je
        assert!(windows(&code).iter().all(|window| window.jump == Jump::Borrowed));
    }
}
