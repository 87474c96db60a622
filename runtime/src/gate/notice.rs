//! How the gate learns that objects came or went: from the loader, at the place it keeps for debuggers.
//!
//! `r_debug.r_brk` (link.h) is the address of an empty function, which ld.so calls whenever it has begun or finished to change
//! the list of objects, "so that a debugger can set a breakpoint at this address". It is called with the loader's lock held,
//! when new objects are mapped but not yet relocated or initialised: none of their code has run. The gate, which patches ld.so
//! anyhow, puts a jump there.
//!
//! Why not a hook before dlopen: dlopen looks at its return address for the caller's RUNPATH, `$ORIGIN` and namespace, which a
//! hook would change; it would come after the constructors; and libc's own dlopens (NSS, iconv, libgcc_s) do not go by the
//! symbol. Why not at the mmap of an executable segment: the object is not complete then, and the engine may not allocate. gdb
//! uses the loader's probes, or finds its breakpoint's byte changed before us and then we find a function of unknown form.
//!
//! The function is called like any other, but by code of its own object, of which the compiler may know that it changes no
//! register: so all general registers are kept.
//!
//! Unsafe: changes code of the loader.

use core::arch::naked_asm;
use core::mem::offset_of;

use iced_x86::{Code, Decoder, DecoderOptions, Mnemonic};

use super::area::Areas;
use super::text::{self, Patch};
use super::window::JUMP;
use super::{Error, ObjectKind, Threads, discover, maps};

/// `struct r_debug` of link.h.
#[repr(C)]
struct LoaderState {
    version: i32,
    map: usize,
    brk: usize,
    state: i32,
    base: usize,
}

/// `RT_CONSISTENT`: no change is under way.
const CONSISTENT: i32 = 0;

fn loader_state() -> Option<*const LoaderState> {
    // SAFETY: the name is a C string; ld.so of glibc defines it (GLIBC_2.2.5) as this structure.
    let p = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_r_debug".as_ptr()) };
    (!p.is_null()).then_some(p.cast_const().cast())
}

/// Whether the list of the program's objects is complete. (Other namespaces have states of their own; a look too many costs time
/// only.)
pub(super) fn is_consistent() -> bool {
    // SAFETY: the structure is the loader's, for ever; it changes with the lock held.
    loader_state().is_none_or(|p| unsafe { (&raw const (*p).state).read_volatile() } == CONSISTENT)
}

/// Makes the loader call [`super::live::objects_changed`] from now on. On an error nothing is changed.
///
/// # Safety
/// The process must have one thread.
pub(super) unsafe fn install() -> Result<(), String> {
    const UNKNOWN: &str = "the loader's function for debuggers (r_debug.r_brk) has a form that patchall does not know";
    let state = loader_state().ok_or(UNKNOWN)?;
    // SAFETY: as in `is_consistent`.
    let function = unsafe { (&raw const (*state).brk).read() };
    let text = |e: Error| e.to_string();
    // SAFETY: one thread: nothing is unmapped meanwhile.
    let objects = unsafe { discover() }.map_err(text)?;
    let loader =
        objects.iter().find(|o| o.kind() == ObjectKind::Loader && o.span().contains(&function)).ok_or(UNKNOWN)?;
    let code = loader.bytes(function, 2 * JUMP + 6).ok_or(UNKNOWN)?;
    let at = room(code, function).ok_or(UNKNOWN)?;

    let mut areas = Areas::new(entry as *const () as usize, &maps::regions().map_err(text)?);
    areas.map_near(&loader.span(), INDIRECT).map_err(text)?;
    let start = areas.place_anywhere(INDIRECT).ok_or(UNKNOWN)?;
    let pointer = areas.entry_near(start).ok_or(UNKNOWN)?;
    // jmp [rip + displacement]
    let mut jump = vec![0xff, 0x25];
    jump.extend((pointer.wrapping_sub(start + INDIRECT) as i32).to_le_bytes());
    areas.write(start, &jump);
    let sealed = areas.seal().map_err(text)?;

    let mut patch = vec![0xe9];
    patch.extend((start.wrapping_sub(at + JUMP) as i32).to_le_bytes());
    let original = &code[at - function..][..JUMP];
    let ranges: Vec<_> = loader.code().collect();
    // SAFETY: the caller's promise; what is replaced is a `ret` and padding that nothing runs.
    unsafe { text::apply(&[Patch::new(at, original, &patch)], &ranges, Threads::One) }.map_err(text)?;
    sealed.keep();
    Ok(())
}

/// Bytes of `jmp [rip + rel32]`.
const INDIRECT: usize = 6;

/// Where the jump may stand in an empty function: at its `ret`, if padding follows that is long enough.
fn room(code: &[u8], address: usize) -> Option<usize> {
    let mut at = None;
    for i in Decoder::with_ip(64, code, address as u64, DecoderOptions::NONE).iter() {
        match (at, i.mnemonic()) {
            (None, Mnemonic::Endbr64 | Mnemonic::Nop) => {}
            (None, _) if i.code() == Code::Retnq => at = Some(i.ip() as usize),
            (Some(_), Mnemonic::Nop | Mnemonic::Int3) => {}
            _ => return None,
        }
        if at.is_some_and(|at| i.next_ip() as usize >= at + JUMP) {
            return at;
        }
    }
    None
}

/// What the loader calls: keeps every general register. The stack is as at any function's entry, 8 below a multiple of 16; nine
/// words more align it.
#[unsafe(naked)]
unsafe extern "C" fn entry() {
    naked_asm!(
        "push rax", "push rcx", "push rdx", "push rsi", "push rdi", "push r8", "push r9", "push r10", "push r11",
        "call {changed}",
        "pop r11", "pop r10", "pop r9", "pop r8", "pop rdi", "pop rsi", "pop rdx", "pop rcx", "pop rax",
        "ret",
        changed = sym super::live::objects_changed,
    )
}

const _: () = assert!(offset_of!(LoaderState, brk) == 16 && offset_of!(LoaderState, state) == 24);

#[cfg(test)]
mod tests {
    use super::room;

    #[test]
    fn an_empty_function_with_padding_has_room_at_its_ret() {
        let plain = b"\xc3\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00\x0f\x1f\x40\x00";
        assert_eq!(room(plain, 0x1000), Some(0x1000));
        let marked = b"\xf3\x0f\x1e\xfa\xc3\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00\x90";
        assert_eq!(room(marked, 0x1000), Some(0x1004));
    }

    #[test]
    fn a_function_that_does_something_has_none() {
        assert_eq!(room(b"\x48\x89\xc7\xc3\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90", 0), None);
        assert_eq!(
            room(b"\xc3\x90\x90\x48\x89\xc7\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90", 0),
            None,
            "the next function"
        );
        assert_eq!(room(b"\xcc\x90\x90\x48\x89\xc7\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90", 0), None, "a breakpoint");
    }
}
