//! x86-64.

mod cache;
mod entry;
mod fpu;
mod helper;
mod tls;

pub(crate) use cache::{LINE, prefetch};
pub(crate) use entry::{
    ENTRY_CRITICAL, EXIT_CRITICAL, VIRTUAL, clone_thread, enter_program, enter_saved, gate_entry, gate_entry_full,
    restorer,
};
pub(crate) use fpu::{fp_control, set_fp_control, tiles_permitted, vector_state_size, xsave_mask};
pub(crate) use helper::{call_off, exit_thread, interruptible_call};
pub(crate) use tls::{
    current_offset, fs_base, fsgsbase, local, set_current, set_fs_base, set_local, stack_pointer, timestamp,
    timestamps_are_even,
};
