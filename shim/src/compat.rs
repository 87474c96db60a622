//! Functions that std or libgcc_eh want from a glibc younger than 2.31, for this library and this program alone.
//!
//! They are hidden: only our own references find them, and a program's never do. Each is written over what every glibc
//! has. When a link fails for want of a symbol, this is where it goes (see `build/link.rs`).
//!
//! Before glibc 2.34 a program that used no threads had neither libpthread nor libdl, and a symbol of theirs that a
//! preloaded library needs is not there: the program would not start. Such symbols are weak, and `dlsym` is looked for.
//!
//! `unsafe` is used to look at the loader's list of objects and to call what older glibcs have in place of dlsym.

use core::arch::global_asm;
use core::ffi::{c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

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

// What std refers to for destructors of thread-locals where `__cxa_thread_atexit_impl` is missing (it never is, here).
global_asm!(
    ".weak pthread_key_create",
    ".weak pthread_key_delete",
    ".weak pthread_getspecific",
    ".weak pthread_setspecific",
    // The helper threads of light coroutines (`patchall::task`), which a preloaded library has none of.
    ".weak pthread_sigmask",
    ".weak pthread_attr_setstacksize",
    ".weak pthread_detach",
    ".weak pthread_setname_np",
);

// `dlsym` and `dlvsym` go straight on to the real one where that is; a jump, because RTLD_NEXT goes by the return address.
// Otherwise `find_late` gets what glibc had for itself until 2.33, and what it finds is kept.
global_asm!(
    ".weak __libc_dlopen_mode",
    ".weak __libc_dlsym",
    ".macro late name:req, found:req",
    ".symver real_\\name, \\name@GLIBC_2.2.5",
    ".weak real_\\name",
    ".pushsection .rodata.late_\\name, \"a\"",
    "late_\\name: .asciz \"\\name\"",
    ".popsection",
    ".hidden \\name",
    ".globl \\name",
    ".type \\name, @function",
    "\\name:",
    "mov rax, [rip + real_\\name@GOTPCREL]",
    "test rax, rax",
    "jnz 2f",
    "mov rax, [rip + \\found]",
    "test rax, rax",
    "jnz 2f",
    // The return address and three words: the stack is aligned to 16 at the call.
    "push rdi",
    "push rsi",
    "push rdx",
    "mov rdi, [rip + __libc_dlopen_mode@GOTPCREL]",
    "mov rsi, [rip + __libc_dlsym@GOTPCREL]",
    "lea rdx, [rip + late_\\name]",
    "lea rcx, [rip + \\found]",
    "call {find}",
    "pop rdx",
    "pop rsi",
    "pop rdi",
    "2:",
    "jmp rax",
    ".size \\name, . - \\name",
    ".endm",
    "late dlsym, {dlsym}",
    "late dlvsym, {dlvsym}",
    ".purgem late",
    dlsym = sym FOUND_DLSYM,
    dlvsym = sym FOUND_DLVSYM,
    find = sym find_late,
);

/// What [`find_late`] found.
static FOUND_DLSYM: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static FOUND_DLVSYM: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

type OpenMode = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
type Symbol = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;

/// Loads libdl, finds the function of that name in it, and keeps it.
unsafe extern "C" fn find_late(
    open: Option<OpenMode>,
    symbol: Option<Symbol>,
    name: *const c_char,
    keep: &AtomicPtr<c_void>,
) -> *mut c_void {
    // Tells `__libc_dlopen_mode` that the caller is not the loader (include/dlfcn.h of glibc).
    const RTLD_DLOPEN: c_int = i32::MIN;
    let mut found = ptr::null_mut();
    if let (Some(open), Some(symbol)) = (open, symbol) {
        // SAFETY: these are glibc's functions of these types (include/dlfcn.h, 2.31); the names are C strings.
        unsafe {
            let library = open(c"libdl.so.2".as_ptr(), libc::RTLD_NOW | RTLD_DLOPEN);
            if !library.is_null() {
                found = symbol(library, name);
            }
        }
    }
    if found.is_null() {
        found = nothing as *mut c_void;
    }
    keep.store(found, Ordering::Relaxed);
    found
}

/// In place of a dlsym or dlvsym that is nowhere: finds nothing.
extern "C" fn nothing(_: *mut c_void, _: *const c_char, _: *const c_char) -> *mut c_void {
    ptr::null_mut()
}

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
    let mut search = Search { address: address.addr(), found: None };
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
    let holds =
        |h: &&libc::Elf64_Phdr| h.p_type == libc::PT_LOAD && search.address.wrapping_sub(place(h)) < h.p_memsz as usize;
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
