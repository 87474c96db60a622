//! Functions that std or libgcc_eh want from a glibc younger than 2.31, for this library and this program alone.
//!
//! They are hidden: only our own references find them, and a program's never do. Each is written over what every glibc
//! has. When a link fails for want of a symbol, this is where it goes (see `build/link.rs`).
//!
//! `unsafe` is used to look at the loader's list of objects.

use core::arch::global_asm;
use core::ffi::{c_int, c_void};
use core::ptr;

// Until 2.33 a program's `stat64` was a static function over `__xstat64`, which every glibc still exports. 1 is
// _STAT_VER_LINUX of x86-64 (bits/stat.h before 2.33). The thunks leave the arguments and the stack as a call has them.
global_asm!(
    ".macro stat_thunk name:req, real:req",
    ".hidden \\name",
    ".globl \\name",
    ".type \\name, @function",
    "\\name:",
    "mov rdx, rsi",
    "mov rsi, rdi",
    "mov edi, 1",
    "jmp [rip + \\real@GOTPCREL]",
    ".size \\name, . - \\name",
    ".endm",
    "stat_thunk stat64, __xstat64",
    "stat_thunk lstat64, __lxstat64",
    "stat_thunk fstat64, __fxstat64",
    ".purgem stat_thunk",
);

// The libgcc_eh of GCC 12 asks `_dl_find_object` (glibc 2.35) for the unwind table of an address and takes no other way.
global_asm!(
    ".hidden _dl_find_object",
    ".globl _dl_find_object",
    ".type _dl_find_object, @function",
    "_dl_find_object:",
    "jmp {find}",
    ".size _dl_find_object, . - _dl_find_object",
    find = sym find_object,
);

/// `struct dl_find_object` of dlfcn.h, on x86-64.
#[repr(C)]
struct Found {
    flags: u64,
    map_start: *mut c_void,
    map_end: *mut c_void,
    link_map: *mut c_void,
    eh_frame: *mut c_void,
    reserved: [u64; 7],
}

struct Search {
    address: usize,
    found: Option<Found>,
}

/// Finds the object that holds an address: 0 and `*result`, or -1.
unsafe extern "C" fn find_object(address: *mut c_void, result: *mut Found) -> c_int {
    let mut search = Search {
        address: address.addr(),
        found: None,
    };
    // SAFETY: `visit` takes what it is given as dl_iterate_phdr(3) describes it, and the search outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), ptr::from_mut(&mut search).cast()) };
    let Some(found) = search.found else { return -1 };
    // SAFETY: the caller, libgcc_eh, passes a result that can be written.
    unsafe { result.write(found) };
    0
}

/// Looks whether one object holds the address.
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, search: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr(3) passes a valid description, and our own search.
    let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
    // SAFETY: the object is loaded while dl_iterate_phdr holds the loader's lock, and its program headers with it.
    let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let base = info.dlpi_addr as usize;
    let place = |h: &libc::Elf64_Phdr| base.wrapping_add(h.p_vaddr as usize);
    let holds = |h: &&libc::Elf64_Phdr| {
        h.p_type == libc::PT_LOAD && search.address.wrapping_sub(place(h)) < h.p_memsz as usize
    };
    let Some(segment) = headers.iter().find(holds) else {
        return 0;
    };
    if let Some(table) = headers.iter().find(|h| h.p_type == libc::PT_GNU_EH_FRAME) {
        let start = place(segment);
        search.found = Some(Found {
            flags: 0,
            map_start: ptr::with_exposed_provenance_mut(start),
            map_end: ptr::with_exposed_provenance_mut(start + segment.p_memsz as usize),
            link_map: ptr::null_mut(),
            eh_frame: ptr::with_exposed_provenance_mut(place(table)),
            reserved: [0; 7],
        });
    }
    1
}
