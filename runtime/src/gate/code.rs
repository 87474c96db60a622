//! One function, decoded: its instructions and every place in it that is known to be jumped to.

use core::ops::Range;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::Object;

/// A decoded function.
pub(super) struct Code {
    pub(super) range: Range<usize>,
    pub(super) instructions: Vec<Instruction>,
    /// (target, address of the branch), sorted; for a jump table, the address of the function's
    /// start stands for the branch.
    branches: Vec<(usize, usize)>,
}

impl Code {
    /// `None` when some byte of it cannot be decoded: then it is not all code, and nothing is known
    /// about the rest either.
    pub(super) fn decode(object: &Object, range: Range<usize>) -> Option<Self> {
        let bytes = object.bytes(range.start, range.len())?;
        let instructions = Vec::with_capacity(bytes.len() / 4);
        let mut code = Code { range, instructions, branches: Vec::new() };
        let mut decoder = Decoder::with_ip(64, bytes, code.range.start as u64, DecoderOptions::NONE);
        let mut indirect = false;
        while decoder.can_decode() {
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                return None;
            }
            match instruction.flow_control() {
                FlowControl::ConditionalBranch
                | FlowControl::UnconditionalBranch
                | FlowControl::Call
                | FlowControl::XbeginXabortXend
                    if instruction.op0_kind() == OpKind::NearBranch64 =>
                {
                    code.branches.push((instruction.near_branch_target() as usize, instruction.ip() as usize));
                }
                FlowControl::IndirectBranch => indirect = true,
                _ => {}
            }
            code.instructions.push(instruction);
        }
        if indirect {
            code.add_jump_tables(object);
        }
        code.branches.sort_unstable();
        Some(code)
    }

    /// The index of the instruction that begins at `address`.
    pub(super) fn index_of(&self, address: usize) -> Option<usize> {
        self.instructions.binary_search_by_key(&(address as u64), Instruction::ip).ok()
    }

    /// Does control get from the first instruction to the one that has the byte at `address`? Indirect branches are not followed.
    pub(super) fn reaches(&self, address: usize) -> bool {
        let mut seen = vec![false; self.instructions.len()];
        let mut open = vec![0];
        while let Some(index) = open.pop() {
            let Some(instruction) = self.instructions.get(index).filter(|_| !seen[index]) else {
                continue;
            };
            seen[index] = true;
            if (instruction.ip()..instruction.next_ip()).contains(&(address as u64)) {
                return true;
            }
            let flow = instruction.flow_control();
            if matches!(flow, FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch) {
                open.extend(self.index_of(instruction.near_branch_target() as usize));
            }
            if matches!(flow, FlowControl::Next | FlowControl::ConditionalBranch)
                || matches!(flow, FlowControl::Call | FlowControl::IndirectCall)
            {
                open.push(index + 1);
            }
        }
        false
    }

    /// The branches that land in `places`, as the addresses of the branches.
    pub(super) fn branches_into(&self, places: Range<usize>) -> impl Iterator<Item = usize> {
        let first = self.branches.partition_point(|branch| branch.0 < places.start);
        self.branches[first..].iter().take_while(move |branch| branch.0 < places.end).map(|branch| branch.1)
    }

    /// A `switch` becomes a table of targets: 32-bit offsets from the table (position-independent
    /// code; its address is loaded by a `lea`), or absolute addresses (`jmp [table+8*reg]`). Where
    /// the table ends is not written anywhere, so it is read while its entries lie in the function:
    /// too many are harmless, a missed one is not.
    fn add_jump_tables(&mut self, object: &Object) {
        let mut found = Vec::new();
        let mut add = |target: usize| {
            let inside = self.range.contains(&target);
            if inside {
                found.push((target, self.range.start));
            }
            inside
        };
        for instruction in &self.instructions {
            if instruction.mnemonic() == Mnemonic::Lea && instruction.is_ip_rel_memory_operand() {
                let table = instruction.memory_displacement64() as usize;
                let entries = object.bytes_from(table).unwrap_or(&[]).chunks_exact(4);
                let offset = |entry: &[u8]| i32::from_le_bytes(entry.try_into().expect("4 bytes")) as isize;
                let _ = entries.map(offset).all(|offset| add(table.wrapping_add_signed(offset)));
            }
            let absolute = instruction.flow_control() == FlowControl::IndirectBranch
                && instruction.op0_kind() == OpKind::Memory
                && instruction.memory_index() != Register::None;
            if absolute {
                let entries =
                    object.bytes_from(instruction.memory_displacement64() as usize).unwrap_or(&[]).chunks_exact(8);
                let address = |entry: &[u8]| u64::from_le_bytes(entry.try_into().expect("8 bytes")) as usize;
                let _ = entries.map(address).all(&mut add);
            }
        }
        self.branches.extend(found);
    }
}
