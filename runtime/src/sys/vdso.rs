//! clock_gettime from the vDSO, found once, so that asking for the time needs neither libc nor a system call.

use super::kernel::Timespec;
use super::{nr, syscall2};
use core::sync::atomic::{AtomicUsize, Ordering::*};

static CLOCK_GETTIME: AtomicUsize = AtomicUsize::new(0);

/// Looks the function up. Until then, and where there is no vDSO, the kernel is asked.
pub(crate) fn init() {
    // SAFETY: getauxval reads the auxiliary vector; the vDSO it names is a complete ELF image that stays mapped.
    unsafe {
        let base = libc::getauxval(libc::AT_SYSINFO_EHDR) as usize;
        if base != 0
            && let Some(f) = find(base, b"__vdso_clock_gettime\0")
        {
            CLOCK_GETTIME.store(f, Relaxed);
        }
    }
}

/// The address of a symbol in the ELF image at `base`.
///
/// # Safety
/// The image is complete and mapped as its program headers say.
unsafe fn find(base: usize, name: &[u8]) -> Option<usize> {
    // SAFETY: by contract; the structures are those of elf(5).
    unsafe {
        let header = &*(base as *const libc::Elf64_Ehdr);
        let segments = core::slice::from_raw_parts(
            (base + header.e_phoff as usize) as *const libc::Elf64_Phdr,
            header.e_phnum as usize,
        );
        let load = segments.iter().find(|p| p.p_type == libc::PT_LOAD)?;
        let bias = base.wrapping_sub(load.p_vaddr as usize).wrapping_add(load.p_offset as usize);
        let mut dynamic =
            (bias + segments.iter().find(|p| p.p_type == libc::PT_DYNAMIC)?.p_vaddr as usize) as *const [usize; 2];
        let (mut symbols, mut strings, mut hash) = (0, 0, 0);
        const DT_HASH: usize = 4;
        const DT_STRTAB: usize = 5;
        const DT_SYMTAB: usize = 6;
        while (*dynamic)[0] != 0 {
            let at = bias.wrapping_add((*dynamic)[1]);
            match (*dynamic)[0] {
                DT_HASH => hash = at,
                DT_STRTAB => strings = at,
                DT_SYMTAB => symbols = at,
                _ => {}
            }
            dynamic = dynamic.add(1);
        }
        if symbols == 0 || strings == 0 || hash == 0 {
            return None;
        }
        let count = *(hash as *const u32).add(1) as usize;
        let symbols = core::slice::from_raw_parts(symbols as *const libc::Elf64_Sym, count);
        let s = symbols.iter().find(|s| {
            let at = (strings + s.st_name as usize) as *const u8;
            s.st_shndx != 0 && name.iter().enumerate().all(|(i, c)| *at.add(i) == *c)
        })?;
        Some(bias.wrapping_add(s.st_value as usize))
    }
}

/// Nanoseconds on a clock; 0 on one that does not exist.
#[inline]
pub(crate) fn now(clock: i32) -> u64 {
    let mut t = Timespec::default();
    let f = CLOCK_GETTIME.load(Relaxed);
    // SAFETY: the vDSO's function has this type, touches no TLS and writes the structure; so does the system call.
    unsafe {
        if f != 0 {
            let f: extern "C" fn(i32, *mut Timespec) -> i32 = core::mem::transmute(f);
            f(clock, &mut t);
        } else {
            syscall2(nr(libc::SYS_clock_gettime), clock as usize, &raw mut t as usize);
        }
    }
    (t.sec as u64).wrapping_mul(1_000_000_000).wrapping_add(t.nsec as u64)
}
