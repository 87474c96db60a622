//! Where the functions of an object begin and end, from `.eh_frame_hdr` (Linux Standard Base, Core,
//! 10.6; DWARF 4, 6.4).
//!
//! Stripped libraries have no symbols, but all have unwind tables. The header's table is sorted by
//! function, so only the functions that are asked for are read. Every read is bounds-checked
//! against the object: a broken table gives `None`, never a fault.

use core::cell::Cell;
use core::ops::Range;

use super::Object;

/// `DW_EH_PE_datarel | DW_EH_PE_sdata4`: offsets from the header's own address, the form that every
/// linker writes.
const TABLE_ENCODING: u8 = 0x3b;
const UDATA4: u8 = 0x03;

/// The function table of one object.
pub(super) struct Functions<'a> {
    object: &'a Object,
    header: usize,
    table: &'a [u8],
    /// The CIE used last and its pointer size: objects have a handful of CIEs for thousands of
    /// functions.
    last_cie: Cell<(usize, usize)>,
}

impl<'a> Functions<'a> {
    /// `None` when the object has no table, or one in a form we do not know.
    pub(super) fn of(object: &'a Object) -> Option<Self> {
        let header = object.unwind_header()?;
        let [version, frame_encoding, count_encoding, table_encoding] = *object.bytes(header, 4)? else {
            return None;
        };
        if (version, count_encoding, table_encoding) != (1, UDATA4, TABLE_ENCODING) {
            return None;
        }
        let count_at = header + 4 + pointer_size(frame_encoding)?;
        let count = u32_at(object.bytes(count_at, 4)?, 0)? as usize;
        let table = object.bytes(count_at + 4, count * 8)?;
        Some(Functions { object, header, table, last_cie: Cell::new((0, 0)) })
    }

    /// From the first function to the end of the last.
    pub(super) fn span(&self) -> Range<usize> {
        let last = (self.table.len() / 8).checked_sub(1).and_then(|last| self.range(last));
        self.start(0).unwrap_or(0)..last.map_or(0, |last| last.end)
    }

    /// The index of the function that begins last at or before `address`.
    pub(super) fn before(&self, address: usize) -> Option<usize> {
        let (mut low, mut high) = (0, self.table.len() / 8);
        while low < high {
            let middle = low.midpoint(high);
            if self.start(middle)? <= address { low = middle + 1 } else { high = middle }
        }
        low.checked_sub(1)
    }

    /// The bytes of function `index`, which may be none.
    pub(super) fn range(&self, index: usize) -> Option<Range<usize>> {
        let start = self.start(index)?;
        let entry = self.relative(index * 8 + 4)?;
        let cie_pointer = entry + 4;
        let cie = cie_pointer - u32_at(self.object.bytes(cie_pointer, 4)?, 0)? as usize;
        let size = match self.last_cie.get() {
            (address, size) if address == cie => size,
            _ => {
                let size = self.pointer_size_of(cie)?;
                self.last_cie.set((cie, size));
                size
            }
        };
        let length = self.object.bytes(entry + 8 + size, size)?;
        let length =
            if size == 4 { u32_at(length, 0)? as usize } else { u64::from_le_bytes(length.try_into().ok()?) as usize };
        Some(start..start.checked_add(length)?)
    }

    fn start(&self, index: usize) -> Option<usize> {
        self.relative(index * 8)
    }

    fn relative(&self, offset: usize) -> Option<usize> {
        Some(self.header.wrapping_add_signed(u32_at(self.table, offset)? as i32 as isize))
    }

    /// The size of the addresses in the entries that belong to the CIE at `cie`: what its
    /// augmentation string says under 'R'.
    fn pointer_size_of(&self, cie: usize) -> Option<usize> {
        let mut data = Reader(self.object.bytes_from(cie)?);
        data.skip(8)?;
        let version = data.byte()?;
        let mut augmentation = Vec::new();
        loop {
            match data.byte()? {
                0 => break,
                letter => augmentation.push(letter),
            }
        }
        data.leb128()?;
        data.leb128()?;
        if version == 1 {
            data.skip(1)?;
        } else {
            data.leb128()?;
        }
        if augmentation.first() != Some(&b'z') {
            return Some(8);
        }
        data.leb128()?;
        for letter in &augmentation[1..] {
            match letter {
                b'R' => return pointer_size(data.byte()?),
                b'L' => data.skip(1)?,
                b'P' => {
                    let size = pointer_size(data.byte()?)?;
                    data.skip(size)?;
                }
                b'S' | b'B' => {}
                _ => return None,
            }
        }
        Some(8)
    }
}

/// How many bytes a pointer takes that is written in `encoding` (`DW_EH_PE_*`).
fn pointer_size(encoding: u8) -> Option<usize> {
    match encoding & 0x0f {
        0x00 | 0x04 | 0x0c => Some(8),
        0x03 | 0x0b => Some(4),
        _ => None,
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn leb128(&mut self) -> Option<()> {
        while self.byte()? & 0x80 != 0 {}
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{ObjectKind, discover};

    #[test]
    fn functions_of_libc_are_where_the_symbols_are() {
        // SAFETY: this test process closes no library.
        let objects = unsafe { discover() }.unwrap();
        let libc = objects.iter().find(|object| object.kind() == ObjectKind::Libc).unwrap();
        let functions = Functions::of(libc).unwrap();
        for symbol in [c"getppid", c"malloc", c"printf", c"qsort"] {
            // SAFETY: dlsym(3) with a NUL-terminated name.
            let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, symbol.as_ptr()) } as usize;
            let range = functions.range(functions.before(address).unwrap()).unwrap();
            assert_eq!(range.start, address, "{symbol:?}");
            assert!(!range.is_empty() && range.len() < 1 << 16, "{symbol:?}");
        }
        assert_eq!(functions.before(0), None);
    }
}
