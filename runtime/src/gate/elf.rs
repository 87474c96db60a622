//! The program headers of an ELF image (elf(5)), read from untrusted bytes.

/// A program header, by the names of what it says.
#[derive(Clone, Debug)]
pub(super) struct ProgramHeader {
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) offset: usize,
    pub(super) address: usize,
    pub(super) file_size: usize,
    pub(super) memory_size: usize,
}

/// Eight bytes at `offset`.
pub(super) fn word(bytes: &[u8], offset: usize) -> Option<usize> {
    Some(u64::from_le_bytes(bytes.get(offset..offset + 8)?.try_into().ok()?) as usize)
}

fn half(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

fn short(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(offset..offset + 2)?.try_into().ok()?))
}

/// The program headers of an ELF64 object for x86-64 (elf(5)), or `None`.
pub(super) fn program_headers(image: &[u8]) -> Option<Vec<ProgramHeader>> {
    const CLASS_64_LITTLE_ENDIAN: &[u8] = b"\x7fELF\x02\x01";
    if !image.starts_with(CLASS_64_LITTLE_ENDIAN) || short(image, 18)? != libc::EM_X86_64 {
        return None;
    }
    let (table, size, count) = (word(image, 32)?, short(image, 54)? as usize, short(image, 56)? as usize);
    (0..count)
        .map(|index| {
            let header = image.get(table.checked_add(index * size)?..)?;
            Some(ProgramHeader {
                kind: half(header, 0)?,
                flags: half(header, 4)?,
                offset: word(header, 8)?,
                address: word(header, 16)?,
                file_size: word(header, 32)?,
                memory_size: word(header, 40)?,
            })
        })
        .collect()
}
