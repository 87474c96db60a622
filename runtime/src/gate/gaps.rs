//! Code that no unwind table covers: hand-written assembly and what Go compiles.
//!
//! Where functions begin is not written anywhere, and data may lie among them, which must not be changed. So a `syscall`
//! counts only with evidence that it is one, of two kinds:
//!
//! - **The number stands right before it**: `mov eax, number; syscall`. Seven fixed bytes are no accident, and the jump
//!   stands on the `mov`.
//! - **A direct call leads to it**: from the target of some `call` in the object, control reaches it, instruction by
//!   instruction. Then the code from there on is decoded like any function.
//!
//! Everything else (the target of an indirect call only, code that is made at run time) is left to the kernel. A branch
//! from outside what was decoded lands beside the jump, at worst, and misses the gate (module `window`).

use core::cell::OnceCell;
use core::ops::Range;

use super::Object;
use super::code::Code;
use super::functions::Functions;
use super::search::calls;
use super::window::{JUMP, Jump, Window};

/// How far before a `syscall` its function may begin. Go's wrappers take less than a hundred bytes.
const REACH: usize = 4096;
/// How many targets of calls are tried, the nearest first: a pattern inside an operand may look like a call.
const TRIES: usize = 8;
/// Numbers of system calls are below this, with room for some years.
const NUMBERS: u32 = 1024;

/// The number that `mov eax, number` or `mov rax, number` right before `address` gives, and the length of the `mov`.
pub(super) fn number_before(object: &Object, address: usize) -> Option<(libc::c_long, usize)> {
    [&[0xb8][..], &[0x48, 0xc7, 0xc0]].into_iter().find_map(|opcode| {
        let length = opcode.len() + 4;
        let number = object.bytes(address.checked_sub(length)?, length)?.strip_prefix(opcode)?;
        let number = u32::from_le_bytes(number.try_into().ok()?);
        (number < NUMBERS).then_some((number.into(), length))
    })
}

/// The window of a `syscall` whose number stands right before it.
pub(super) fn numbered(object: &Object, address: usize) -> Option<Window> {
    let (_, length) = number_before(object, address)?;
    debug_assert!(length >= JUMP);
    Some(Window { start: address - length, length, jump: Jump::Direct })
}

/// The gaps of an object.
pub(super) struct Gaps<'a> {
    object: &'a Object,
    /// Where direct calls lead to, sorted.
    called: OnceCell<Vec<usize>>,
}

impl<'a> Gaps<'a> {
    pub(super) fn of(object: &'a Object) -> Self {
        Gaps { object, called: OnceCell::new() }
    }

    /// The object.
    pub(super) fn object(&self) -> &'a Object {
        self.object
    }

    /// The function around `address`, which lies in no function of the table, as far as it can be told: from its start to
    /// the next one. Control reaches the instruction that `address` is part of.
    pub(super) fn code_around(&self, functions: Option<&Functions>, address: usize) -> Option<Code> {
        let gap = self.gap(functions, address)?;
        let called = self.called.get_or_init(|| self.call_targets());
        let next = called.partition_point(|&start| start <= address);
        let end = called.get(next).map_or(gap.end, |&start| start.min(gap.end));
        let starts = called[..next].iter().rev().take(TRIES);
        starts.take_while(|&&start| start >= gap.start && address - start < REACH).find_map(|&start| {
            let code = Code::decode(self.object, start..end)?;
            code.reaches(address).then_some(code)
        })
    }

    /// The code between two functions of the table.
    fn gap(&self, functions: Option<&Functions>, address: usize) -> Option<Range<usize>> {
        let mut gap = self.object.code().find(|code| code.contains(&address))?;
        if let Some(functions) = functions {
            let before = functions.before(address);
            if let Some(function) = before.and_then(|index| functions.range(index)) {
                gap.start = gap.start.max(function.end);
            }
            if let Some(function) = functions.range(before.map_or(0, |index| index + 1)) {
                gap.end = gap.end.min(function.start.max(address));
            }
        }
        Some(gap)
    }

    fn call_targets(&self) -> Vec<usize> {
        let mut targets = Vec::new();
        for code in self.object.code() {
            if let Some(bytes) = self.object.bytes(code.start, code.len()) {
                calls(bytes, code.start, |target| targets.push(target));
            }
        }
        targets.sort_unstable();
        targets.dedup();
        targets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 16 bytes of padding, a function, a table, and a function that calls the first.
    const CODE: [u8; 62] = [
        0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, //
        0x48, 0x89, 0xf8, // 16: mov rax, rdi
        0xba, 0x0f, 0x05, 0x00, 0x00, // 19: mov edx, 0x50f
        0x48, 0x89, 0xd6, // 24: mov rsi, rdx
        0x0f, 0x05, // 27: syscall
        0x78, 0x01, // 29: js 32
        0xc3, // 31: ret
        0x0f, 0x05, // 32: syscall
        0xc3, // 34: ret
        0x0f, 0x05, 0xc3, // 35: data, or code that nothing reaches
        0xcc, 0xcc, // 38
        0xe8, 0xe3, 0xff, 0xff, 0xff, // 40: call 16
        0xb8, 0x27, 0x00, 0x00, 0x00, 0x0f, 0x05, // 45: mov eax, 39; syscall
        0x48, 0xc7, 0xc0, 0xff, 0x04, 0x00, 0x00, 0x0f, 0x05, // 52: mov rax, 0x4ff; syscall
        0xc3,
    ];

    #[test]
    fn a_syscall_counts_when_a_call_reaches_it() {
        let start = CODE.as_ptr() as usize;
        let object = Object::of_code(start..start + CODE.len());
        let gaps = Gaps::of(&object);
        let around = |at| gaps.code_around(None, start + at).map(|code| code.range.start - start);
        assert_eq!(around(27), Some(16));
        assert_eq!(around(32), Some(16), "by a branch");
        assert_eq!(around(20), Some(16), "inside an operand");
        assert_eq!(around(35), None, "behind a return");
    }

    #[test]
    fn a_number_right_before_is_evidence() {
        let start = CODE.as_ptr() as usize;
        let object = Object::of_code(start..start + CODE.len());
        assert_eq!(number_before(&object, start + 50), Some((39, 5)));
        assert_eq!(number_before(&object, start + 59), None, "too large");
        assert_eq!(number_before(&object, start + 27), None);
        assert_eq!(number_before(&object, start), None);
    }
}
