//! Looks at a program before it runs: can a library be preloaded into it?
//!
//! Follows `#!` as the kernel does, to the file that will really be executed, and reads that file's ELF headers. Nothing
//! is ever refused here: what cannot be understood is left to the kernel.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, FileKind, ReadCache, StringTable, elf};

use super::secure::{self, Privilege};

/// What becomes of a program.
pub(super) enum Finding {
    /// The library can be preloaded.
    Preloads,
    /// It cannot.
    Native(Native),
    /// Neither ELF nor `#!`: execvp(3) gives it to /bin/sh, into which the library can be preloaded.
    ForShell,
    /// The kernel will not find what it needs to run it.
    NoInterpreter(Missing),
}

/// A file that runs natively.
pub(super) struct Native {
    file: PathBuf,
    why: Why,
}

impl Native {
    /// Whether what the program starts may find the library in its environment. Another loader would choke on it, and
    /// a sanitizer ends what does not load it first.
    pub(super) fn can_have_library(&self) -> bool {
        !matches!(self.why, Why::Machine(_) | Why::Bits32 | Why::X32 | Why::Loader(_) | Why::Sanitizer(_))
    }
}

impl fmt::Display for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.why)
    }
}

/// An interpreter that is not there.
pub(super) struct Missing {
    interpreter: PathBuf,
    of: PathBuf,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interpreter, of } = self;
        write!(f, "cannot execute {}: there is no {}, which it needs", of.display(), interpreter.display())
    }
}

/// Why nothing can be preloaded.
enum Why {
    Static,
    StaticPie,
    Machine(elf::Machine),
    Bits32,
    X32,
    Loader(PathBuf),
    NoLibrary,
    Sanitizer(&'static str),
    Privileged(Privilege),
    Unreadable(io::Error),
    Malformed(object::read::Error),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static => f.write_str("statically linked, nothing can be preloaded"),
            Self::StaticPie => f.write_str("statically linked (static-pie), nothing can be preloaded"),
            Self::Machine(machine) => {
                write!(f, "for another architecture ({machine:?}), not x86-64")
            }
            Self::Bits32 => f.write_str("a 32-bit program, the library is 64-bit"),
            Self::X32 => f.write_str("an x32 program, the library is of the usual x86-64 ABI"),
            Self::Loader(loader) if is_musl(loader) => {
                write!(f, "linked to musl ({}), not glibc", loader.display())
            }
            Self::Loader(loader) => write!(f, "its loader {} is not glibc's", loader.display()),
            Self::NoLibrary => f.write_str("linked to no library, so its threads, if any, are not libc's"),
            Self::Sanitizer(name) => {
                write!(
                    f,
                    "built with {name}, which puts itself before libc as the library does, and knows kernel threads only"
                )
            }
            Self::Privileged(privilege) => {
                write!(f, "{privilege}, so the loader ignores LD_PRELOAD")
            }
            Self::Unreadable(error) => write!(f, "cannot be inspected ({error})"),
            Self::Malformed(error) => write!(f, "its ELF headers cannot be understood ({error})"),
        }
    }
}

/// Says what becomes of a file that is about to be executed.
pub(super) fn inspect(file: &Path) -> Finding {
    // `exec_binprm` in the kernel's fs/exec.c follows five interpreters and then gives up.
    const MOST_INTERPRETERS: usize = 5;
    let mut of: Option<PathBuf> = None;
    let mut file = file.to_owned();
    for _ in 0..=MOST_INTERPRETERS {
        let native = |why| Finding::Native(Native { file: file.clone(), why });
        let head = match File::open(&file).and_then(head) {
            Ok(head) => head,
            Err(e) if e.kind() == io::ErrorKind::NotFound && of.is_some() => {
                let of = of.unwrap_or_default();
                return Finding::NoInterpreter(Missing { interpreter: file, of });
            }
            Err(e) => return native(Why::Unreadable(e)),
        };
        if let Some(interpreter) = interpreter(&head) {
            of = Some(std::mem::replace(&mut file, interpreter));
        } else if head.starts_with(b"\x7fELF") {
            return match look(&file) {
                Ok(Ok(Some(loader))) if !loader.exists() => {
                    Finding::NoInterpreter(Missing { interpreter: loader, of: file })
                }
                Ok(Ok(_)) => Finding::Preloads,
                Ok(Err(why)) => native(why),
                Err(e) => native(Why::Malformed(e)),
            };
        } else {
            return Finding::ForShell;
        }
    }
    // Too deep for the kernel: its error says so.
    Finding::Preloads
}

/// As much of a file as the kernel looks at to tell its format: BINPRM_BUF_SIZE.
fn head(file: File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(256);
    file.take(256).read_to_end(&mut head)?;
    Ok(head)
}

/// The file after `#!`, as the kernel's fs/binfmt_script.c finds it.
fn interpreter(head: &[u8]) -> Option<PathBuf> {
    let line = head.strip_prefix(b"#!")?;
    let line = line.split(|&b| b == b'\n').next()?;
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\0');
    let name = line.split(blank).find(|word| !word.is_empty())?;
    Some(Path::new(std::ffi::OsStr::from_bytes(name)).to_owned())
}

/// Reads the headers: the loader of a program into which the library can be preloaded, or why it cannot. The loader
/// itself, run as a program, has none.
fn look(path: &Path) -> Result<Result<Option<PathBuf>, Why>, object::read::Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) => return Ok(Err(Why::Unreadable(e))),
    };
    let data = ReadCache::new(file);
    if FileKind::parse(&data)? == FileKind::Elf32 {
        let header = elf::FileHeader32::<Endianness>::parse(&data)?;
        let machine = header.e_machine(header.endian()?);
        return Ok(Err(match machine {
            elf::EM_X86_64 => Why::X32,
            elf::EM_386 => Why::Bits32,
            _ => Why::Machine(machine),
        }));
    }
    let header = elf::FileHeader64::<Endianness>::parse(&data)?;
    let endian = header.endian()?;
    if header.e_machine(endian) != elf::EM_X86_64 {
        return Ok(Err(Why::Machine(header.e_machine(endian))));
    }

    let segments = header.program_headers(endian, &data)?;
    let mut loader = None;
    for segment in segments {
        if let Some(name) = segment.interpreter(endian, &data)? {
            loader = Some(Path::new(std::ffi::OsStr::from_bytes(name)).to_owned());
        }
    }
    let has = |tag| {
        let mut found = false;
        for segment in segments {
            found |=
                segment.dynamic(endian, &data)?.is_some_and(|entries| entries.iter().any(|e| e.d_tag(endian) == tag));
        }
        Ok::<bool, object::read::Error>(found)
    };
    let Some(loader) = loader else {
        if header.e_type(endian) != elf::ET_DYN {
            return Ok(Err(Why::Static));
        }
        // The loader itself, run as a program with another as its argument, has a name to be linked by; a static-pie
        // program has none.
        return Ok(if has(elf::DT_SONAME)? { Ok(None) } else { Err(Why::StaticPie) });
    };
    // Whatever directory it is in: some distributions keep one glibc per package.
    if loader.file_name().is_none_or(|name| name != "ld-linux-x86-64.so.2") {
        return Ok(Err(Why::Loader(loader)));
    }
    // Go programs without cgo, made as position-independent ones.
    if !has(elf::DT_NEEDED)? {
        return Ok(Err(Why::NoLibrary));
    }
    // GCC's are shared libraries; clang links them into the program, where the library notices them at the first thread.
    for (library, name) in SANITIZERS {
        if needs(segments, endian, &data, library)? {
            return Ok(Err(Why::Sanitizer(name)));
        }
    }
    if let Some(privilege) = secure::gained(path) {
        return Ok(Err(Why::Privileged(privilege)));
    }
    Ok(Ok(Some(loader)))
}

/// The libraries that `-fsanitize=` links.
const SANITIZERS: [(&[u8], &str); 4] = [
    (b"libasan.so.", "AddressSanitizer"),
    (b"libhwasan.so.", "HWAddressSanitizer"),
    (b"liblsan.so.", "LeakSanitizer"),
    (b"libtsan.so.", "ThreadSanitizer"),
];

/// Whether a library whose name begins so is among those that are linked (DT_NEEDED).
fn needs(
    segments: &[elf::ProgramHeader64<Endianness>],
    endian: Endianness,
    data: &ReadCache<File>,
    library: &[u8],
) -> Result<bool, object::read::Error> {
    for segment in segments {
        let Some(entries) = segment.dynamic(endian, data)? else { continue };
        let value = |tag| entries.iter().find(|e| e.d_tag(endian) == tag).map(|e| e.d_val(endian));
        let (Some(names), Some(length)) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) else { continue };
        let holds = |s: &&elf::ProgramHeader64<Endianness>| {
            s.p_type(endian) == elf::PT_LOAD && names.wrapping_sub(s.p_vaddr(endian)) < s.p_filesz(endian)
        };
        let Some(load) = segments.iter().find(holds) else { continue };
        let start = load.p_offset(endian) + (names - load.p_vaddr(endian));
        let table = StringTable::new(data, start, start + length);
        let needed = entries.iter().filter(|e| e.d_tag(endian) == elf::DT_NEEDED);
        for entry in needed {
            if table.get(entry.d_val(endian) as u32).is_ok_and(|name| name.starts_with(library)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn is_musl(loader: &Path) -> bool {
    loader.file_name().is_some_and(|name| name.as_bytes().starts_with(b"ld-musl-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_is_what_the_kernel_would_take() {
        let found = |line: &str| interpreter(line.as_bytes()).map(|p| p.display().to_string());
        assert_eq!(found("#!/bin/sh\necho").as_deref(), Some("/bin/sh"));
        assert_eq!(found("#! \t/usr/bin/env python3 -x\n").as_deref(), Some("/usr/bin/env"));
        assert_eq!(found("#!/bin/sh").as_deref(), Some("/bin/sh"));
        assert_eq!(found("#!\n/bin/sh"), None);
        assert_eq!(found("#! \n"), None);
        assert_eq!(found("echo"), None);
        assert_eq!(found(""), None);
    }
}
