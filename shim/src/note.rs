//! The identity of the build: an ELF note in the library, which the launcher reads without loading it.
//!
//! The library and the launcher are compiled from one source tree and carry the same text, `BUILD_IDENTITY` of
//! `build.rs`. Whoever preloads a library of another build gets a message instead of strange behaviour.

/// The version and a hash of the sources.
pub(crate) const BUILD: &str = env!("BUILD_IDENTITY");

/// The note's name, with the NUL that belongs to it (elf(5), Notes).
pub(crate) const NAME: &[u8; 9] = b"patchall\0";

/// The note's type: ours to number.
pub(crate) const TYPE: u32 = 1;

#[repr(C, align(4))]
struct Note {
    name_size: u32,
    text_size: u32,
    kind: u32,
    name: [u8; NAME.len().next_multiple_of(4)],
    text: [u8; BUILD.len()],
}

const fn padded<const LEN: usize>(bytes: &[u8]) -> [u8; LEN] {
    let mut padded = [0; LEN];
    padded.split_at_mut(bytes.len()).0.copy_from_slice(bytes);
    padded
}

/// In both files, though only the library's is looked at: they share this one source.
#[used]
#[unsafe(link_section = ".note.patchall")]
static NOTE: Note = Note {
    name_size: NAME.len() as u32,
    text_size: BUILD.len() as u32,
    kind: TYPE,
    name: padded(NAME),
    text: padded(BUILD.as_bytes()),
};
