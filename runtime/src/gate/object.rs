//! The ELF objects that are mapped in the process: which they are and where their parts lie.
//!
//! They are found in `/proc/self/maps`, not by `dl_iterate_phdr`, which knows only the caller's
//! namespace: a second libc made by `dlmopen` counts too. The program headers are read from memory,
//! since a file may have been replaced on disk. The kernel's vDSO counts, although it has no file; the
//! object this code is in does not: its raw calls must reach the kernel.
//!
//! Unsafe: reads the memory of other objects. An [`Object`] promises that its readable segments are
//! mapped; whoever makes one makes sure that they stay so while it lives (see [`discover`]).

use core::ops::Range;

use super::Error;
use super::elf::{ProgramHeader, program_headers, word};
use super::kernel::{self, Errno, PAGE};
use super::maps::{Region, regions};

/// What an object is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// glibc: libc.so.6, or libpthread.so.0 before glibc 2.34.
    Libc,
    /// The dynamic loader.
    Loader,
    /// The kernel's vDSO, which asks the kernel for clocks that it does not know itself.
    Vdso,
    /// Anything else that makes system calls of its own (libgomp; a static library inside the
    /// program).
    Other,
}

impl ObjectKind {
    /// Whether nothing is patched if this cannot be.
    pub(super) fn is_needed(self) -> bool {
        matches!(self, ObjectKind::Libc | ObjectKind::Loader)
    }
}

/// Tells one mapping of a file from every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    /// The address of the ELF header.
    header: usize,
}

#[derive(Clone, Debug)]
struct Segment {
    range: Range<usize>,
    exec: bool,
}

/// An ELF object in memory.
#[derive(Clone, Debug)]
pub struct Object {
    name: String,
    kind: ObjectKind,
    identity: Identity,
    segments: Vec<Segment>,
    unwind_header: Option<usize>,
}

impl Object {
    /// The file it was mapped from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is to us.
    pub fn kind(&self) -> ObjectKind {
        self.kind
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The address of `.eh_frame_hdr`, which lists the functions.
    pub(super) fn unwind_header(&self) -> Option<usize> {
        self.unwind_header
    }

    /// The address ranges that hold code.
    pub(super) fn code(&self) -> impl Iterator<Item = Range<usize>> {
        self.segments.iter().filter(|segment| segment.exec).map(|segment| segment.range.clone())
    }

    /// From the first byte to the last.
    pub(super) fn span(&self) -> Range<usize> {
        let start = self.segments.iter().map(|segment| segment.range.start).min().unwrap_or(0);
        let end = self.segments.iter().map(|segment| segment.range.end).max().unwrap_or(0);
        start..end
    }

    /// `length` bytes at `address`, if they lie in one readable segment.
    pub(super) fn bytes(&self, address: usize, length: usize) -> Option<&[u8]> {
        let rest = self.bytes_from(address)?;
        rest.get(..length)
    }

    /// Everything from `address` to the end of its readable segment.
    pub(super) fn bytes_from(&self, address: usize) -> Option<&[u8]> {
        let segment = self.segments.iter().find(|segment| segment.range.contains(&address))?;
        let length = segment.range.end - address;
        // SAFETY: the segment is mapped and readable (checked against the map when the object was
        // made) and stays so while the object lives (promise of the maker). Only code and read-only
        // tables are asked for, and code is changed only by `text`, which holds no such slice while
        // it writes.
        Some(unsafe { core::slice::from_raw_parts(address as *const u8, length) })
    }

    /// Maps the file at `path` as the loader would, without relocating or running it, for a scan of
    /// another system's libc. The memory stays mapped. The errors are those of open(2) and mmap(2);
    /// `ENOEXEC`: not an x86-64 ELF object.
    pub fn from_file(path: &std::path::Path) -> Result<Object, Errno> {
        const NOT_ELF: Errno = Errno(libc::ENOEXEC);
        let errno = |error: std::io::Error| Errno(error.raw_os_error().unwrap_or(libc::EIO));
        let content = std::fs::read(path).map_err(errno)?;
        let headers = program_headers(&content).ok_or(NOT_ELF)?;
        let loads = headers.iter().filter(|header| header.kind == libc::PT_LOAD);
        let size = loads.clone().map(|load| load.address + load.memory_size).max().ok_or(NOT_ELF)?;
        let start = loads.clone().map(|load| load.address).min().ok_or(NOT_ELF)? & !(PAGE - 1);
        let memory = kernel::map(0, size - start)?;
        for load in loads {
            let data = content.get(load.offset..load.offset + load.file_size).ok_or(NOT_ELF)?;
            let into = memory + load.address - start;
            // SAFETY: `start` is the least address and `size` the greatest, so the copy stays
            // inside the fresh mapping.
            unsafe { core::ptr::copy_nonoverlapping(data.as_ptr(), into as *mut u8, data.len()) };
        }
        let identity = Identity { device: 0, inode: 0, header: memory };
        Ok(Object::new(path.display().to_string(), identity, memory.wrapping_sub(start), &headers))
    }

    /// An object that is nothing but `code`, which must be mapped.
    #[cfg(test)]
    pub(super) fn of_code(code: Range<usize>) -> Object {
        let identity = Identity { device: 0, inode: 0, header: code.start };
        let segments = vec![Segment { range: code, exec: true }];
        let name = "test".to_owned();
        Object { name, kind: ObjectKind::Other, identity, segments, unwind_header: None }
    }

    /// The memory that `headers` describe must be mapped, loaded at `bias`.
    fn new(name: String, identity: Identity, bias: usize, headers: &[ProgramHeader]) -> Object {
        let at = |address: usize| bias.wrapping_add(address);
        let find = |kind| headers.iter().find(|header| header.kind == kind);
        let segments = headers.iter().filter(|header| header.kind == libc::PT_LOAD && header.flags & libc::PF_R != 0);
        let segments = segments.map(|load| Segment {
            range: at(load.address)..at(load.address) + load.file_size,
            exec: load.flags & libc::PF_X != 0,
        });
        let unwind_header = find(libc::PT_GNU_EH_FRAME).map(|header| at(header.address));
        let mut object =
            Object { name, kind: ObjectKind::Other, identity, segments: segments.collect(), unwind_header };
        let dynamic = find(libc::PT_DYNAMIC).map(|header| (at(header.address), header.file_size));
        object.kind = match dynamic.and_then(|(address, size)| object.soname(bias, address, size)) {
            Some(b"libc.so.6" | b"libpthread.so.0") => ObjectKind::Libc,
            Some(b"ld-linux-x86-64.so.2") => ObjectKind::Loader,
            Some(b"linux-vdso.so.1") => ObjectKind::Vdso,
            _ => ObjectKind::Other,
        };
        object
    }

    /// `DT_SONAME`: the file may be called libc-2.31.so.
    fn soname(&self, bias: usize, dynamic: usize, size: usize) -> Option<&[u8]> {
        const DT_STRTAB: usize = 5;
        const DT_SONAME: usize = 14;
        let entries = self.bytes(dynamic, size)?.chunks_exact(16).map(|entry| (word(entry, 0), word(entry, 8)));
        let value = |tag| entries.clone().find(|entry| entry.0 == Some(tag)).and_then(|entry| entry.1);
        let strings = value(DT_STRTAB)?;
        // The loader writes the address back over the offset (glibc elf/get-dynamic-info.h); an
        // image that was not loaded has the offset.
        let strings = if strings >= bias { strings } else { bias + strings };
        let name = self.bytes_from(strings + value(DT_SONAME)?)?;
        name.split(|&byte| byte == 0).next()
    }
}

/// The objects mapped in this process, except our own.
///
/// # Safety
/// None of them may be unmapped (`dlclose`) while the answer is in use.
pub unsafe fn discover() -> Result<Vec<Object>, Error> {
    let regions = regions()?;
    let here = discover as *const () as usize;
    // SAFETY: the map was read just now, and nothing is unmapped meanwhile (the caller's promise).
    let objects = regions.iter().filter_map(|region| unsafe { loaded(region, &regions) });
    Ok(objects.filter(|object| !object.span().contains(&here)).collect())
}

/// The object whose ELF header is at the start of `region`, if it is one that has been loaded to
/// run: a file that is merely mapped to be read has no executable memory where its code would be.
///
/// # Safety
/// `regions` must describe the address space as it is.
unsafe fn loaded(region: &Region, regions: &[Region]) -> Option<Object> {
    let same_file = |other: &Region| other.inode == region.inode && other.device == region.device;
    let vdso = region.name == "[vdso]";
    if region.inode == 0 && !vdso
        || region.offset != 0
        || !region.read
        || !regions.iter().any(|other| other.exec && same_file(other))
    {
        return None;
    }
    // SAFETY: the region is mapped and readable, and belongs to a file that is being executed,
    // which cannot be truncated (ETXTBSY) or, for a library, is not by anyone who wants the process
    // to live.
    let image = unsafe { core::slice::from_raw_parts(region.range.start as *const u8, region.range.len()) };
    let headers = program_headers(image)?;
    let first = headers.iter().find(|header| header.kind == libc::PT_LOAD && header.offset < PAGE)?;
    let bias = region.range.start.wrapping_sub(first.address & !(PAGE - 1));
    let identity = Identity { device: region.device, inode: region.inode, header: region.range.start };
    let object = Object::new(region.name.clone(), identity, bias, &headers);
    // Programs that move their code to huge pages leave it anonymous.
    let fits = |segment: &Segment| {
        covered(&segment.range, regions, |part| {
            part.read && (!segment.exec || part.exec && (part.inode == 0 || same_file(part)))
        })
    };
    (object.code().next().is_some() && object.segments.iter().all(fits)).then_some(object)
}

/// Is every byte of `range` in a region that `suits`?
fn covered(range: &Range<usize>, regions: &[Region], suits: impl Fn(&Region) -> bool) -> bool {
    let mut reached = range.start;
    let first = regions.partition_point(|region| region.range.end <= reached);
    for region in &regions[first..] {
        if reached >= range.end || region.range.start > reached || !suits(region) {
            break;
        }
        reached = region.range.end;
    }
    reached >= range.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libc_and_loader_are_found_and_our_own_object_is_not() {
        // SAFETY: this test process closes no library.
        let objects = unsafe { discover() }.unwrap();
        let count = |kind| objects.iter().filter(|object| object.kind() == kind).count();
        assert_eq!((count(ObjectKind::Libc), count(ObjectKind::Loader)), (1, 1));
        assert!(!objects.iter().any(|object| { object.span().contains(&(discover as *const () as usize)) }));
        assert_eq!(count(ObjectKind::Vdso), 1);
    }

    #[test]
    fn a_file_that_is_no_elf_object_is_refused() {
        assert_eq!(Object::from_file("/etc/passwd".as_ref()).err(), Some(Errno(libc::ENOEXEC)));
        assert_eq!(Object::from_file("/nonexistent".as_ref()).err(), Some(Errno(libc::ENOENT)));
    }

    #[test]
    fn coverage_needs_every_byte() {
        let region = |range: Range<usize>| Region {
            range,
            read: true,
            exec: false,
            offset: 0,
            device: 0,
            inode: 0,
            name: String::new(),
        };
        let regions = [region(0x1000..0x2000), region(0x2000..0x3000), region(0x4000..0x5000)];
        assert!(covered(&(0x1800..0x2800), &regions, |_| true));
        assert!(!covered(&(0x2800..0x4800), &regions, |_| true));
        assert!(!covered(&(0x1800..0x2800), &regions, |region| region.range.start == 0x1000));
    }
}
