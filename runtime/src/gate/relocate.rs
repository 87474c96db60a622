//! Moving single instructions: which may run at another address, and how they are written there.
//!
//! An instruction that is moved means the same at its new place: operands relative to `rip` and the
//! targets of conditional jumps are re-aimed. One instruction becomes exactly one, so that every
//! address in a trampoline has one original.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

/// May the instruction run somewhere else? Not those that leave for good, that push their own
/// address, or have no long form.
pub(super) fn movable(instruction: &Instruction) -> bool {
    match instruction.flow_control() {
        FlowControl::Next => {
            let relative = instruction.is_ip_rel_memory_operand();
            // `endbr64` marks where indirect branches may land; it has to stay.
            !(relative && instruction.memory_base() == Register::EIP) && instruction.mnemonic() != Mnemonic::Endbr64
        }
        // jrcxz and the loop instructions reach 127 bytes and no further.
        FlowControl::ConditionalBranch => {
            (instruction.is_jcc_short() || instruction.is_jcc_near()) && instruction.op0_kind() == OpKind::NearBranch64
        }
        _ => false,
    }
}

/// How long the moved instruction will be.
fn moved_length(instruction: &Instruction) -> usize {
    match instruction.flow_control() {
        FlowControl::ConditionalBranch => 6,
        _ => instruction.len(),
    }
}

/// Appends `instruction` (whose bytes are `bytes`) as it must stand at address `at`. `None`:
/// something is out of reach.
pub(super) fn write_moved(instruction: &Instruction, bytes: &[u8], at: usize, out: &mut Vec<u8>) -> Option<()> {
    let next = at + moved_length(instruction);
    if instruction.flow_control() == FlowControl::ConditionalBranch {
        // iced numbers the conditions as the processor does, from one.
        out.extend([0x0f, 0x80 | (instruction.condition_code() as u8 - 1)]);
        out.extend(displacement(next, instruction.near_branch_target() as usize)?);
    } else {
        let start = out.len();
        out.extend(bytes);
        if instruction.is_ip_rel_memory_operand() {
            let mut decoder = Decoder::with_ip(64, bytes, instruction.ip(), DecoderOptions::NONE);
            let again = decoder.decode();
            let field = start + decoder.get_constant_offsets(&again).displacement_offset();
            let value = displacement(next, instruction.memory_displacement64() as usize)?;
            out[field..field + 4].copy_from_slice(&value);
        }
    }
    Some(())
}

/// The 32-bit field that, in an instruction that ends at `next`, reaches `target`.
pub(super) fn displacement(next: usize, target: usize) -> Option<[u8; 4]> {
    Some(i32::try_from(target.wrapping_sub(next) as isize).ok()?.to_le_bytes())
}

/// Does the instruction do nothing (`nop` of any length, `xchg ax,ax`)?
pub(super) fn is_nop(instruction: &Instruction) -> bool {
    instruction.mnemonic() == Mnemonic::Nop
}
