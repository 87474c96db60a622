//! A directory that the linker searches first, with stand-ins for two libraries.
//!
//! `libgcc_s.so` is a linker script that names libgcc_eh: the unwinder is linked in, instead of loaded at the start of
//! every program. GCC keeps contexts of different copies compatible (`EXTENDED_CONTEXT_BIT` in libgcc/unwind-dw2.c), so a
//! forced unwind begun by the program's libgcc_s may pass through our frames.
//!
//! `libc.so` is a linker script that names a stub: a library with the symbols of this machine's libc.so.6, each only at
//! its newest version that is not younger than [`OLDEST`]. A symbol that glibc gave a new version when it moved
//! libpthread and libdl into libc (2.34) is thereby bound at the version that all glibcs since have kept. A symbol that
//! older ones do not have at all is an undefined symbol, and the link fails; `src/compat.rs` holds what std needs.
//!
//! Nothing of the stub is in the result: a shared library leaves its name and its symbols' versions, and they are
//! libc's own.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use object::elf;
use object::read::elf::{ElfFile64, FileHeader, Sym};

/// The oldest glibc on which the library loads: major and minor version.
const OLDEST: (u32, u32) = (2, 31);

/// Makes the stand-ins in `out` and tells cargo to search it.
pub(crate) fn prepare(out: &Path) {
    println!("cargo::rerun-if-changed=build/link.rs");
    fs::write(out.join("libgcc_s.so"), "INPUT(-lgcc_eh)\n").expect("OUT_DIR can be written");

    let libc = of_compiler("libc.so.6");
    println!("cargo::rerun-if-changed={}", libc.display());
    let stub = out.join("libc-stub.so");
    build_stub(&symbols(&libc), out, &stub);
    let script = format!(
        "GROUP({} {} AS_NEEDED({}))\n",
        stub.display(),
        of_compiler("libc_nonshared.a").display(),
        of_compiler("ld-linux-x86-64.so.2").display(),
    );
    fs::write(out.join("libc.so"), script).expect("OUT_DIR can be written");

    // The linker takes -L in the order of the command line, and ours stand before the compiler's own. Tests keep the
    // real libraries.
    for kind in ["cdylib", "bins"] {
        println!("cargo::rustc-link-arg-{kind}=-L{}", out.display());
    }
    println!("cargo::rustc-link-arg-cdylib=-Wl,-z,defs");
    // libm refers to private symbols of libc, which the stub leaves out.
    println!("cargo::rustc-link-arg-bins=-Wl,--allow-shlib-undefined");
}

fn compiler() -> String {
    env::var("CC").unwrap_or_else(|_| "cc".into())
}

/// The file that the C compiler would link for this name.
fn of_compiler(name: &str) -> PathBuf {
    let found = Command::new(compiler())
        .arg(format!("-print-file-name={name}"))
        .output()
        .unwrap_or_else(|e| panic!("cannot run the C compiler `{}`: {e}; install gcc", compiler()));
    let path = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    assert!(path.is_absolute(), "the C compiler has no {name}; install libc6-dev");
    path
}

/// What the stub says of a symbol.
struct Symbol {
    version: (u32, u32, u32),
    kind: &'static str,
    size: u64,
}

/// The symbols that a libc exports at a version that [`OLDEST`] has, each at the newest of these.
fn symbols(libc: &Path) -> BTreeMap<String, Symbol> {
    let data = fs::read(libc).unwrap_or_else(|e| panic!("{}: {e}", libc.display()));
    let file = ElfFile64::<object::Endianness>::parse(&*data).expect("libc is an ELF file");
    let (endian, header) = (file.endian(), file.elf_header());
    let sections = header.sections(endian, &*data).expect("libc has sections");
    let table = sections.symbols(endian, &*data, elf::SHT_DYNSYM).expect("libc has a symbol table");
    let versions = sections
        .versions(endian, &*data)
        .expect("libc's symbol versions can be read")
        .expect("libc's symbols have versions");

    let mut found = BTreeMap::new();
    for (index, symbol) in table.enumerate() {
        // The absolute ones are the versions' own names.
        if symbol.is_undefined(endian) || symbol.is_absolute(endian) {
            continue;
        }
        let Ok(Some(version)) = versions.version(versions.version_index(endian, index).index()) else {
            continue;
        };
        let (Ok(name), Some(version)) =
            (str::from_utf8(symbol.name(endian, table.strings()).unwrap_or_default()), parse(version.name()))
        else {
            continue;
        };
        if (version.0, version.1) > OLDEST {
            continue;
        }
        let kind = match symbol.st_type() {
            elf::STT_FUNC | elf::STT_GNU_IFUNC => "function",
            elf::STT_OBJECT => "object",
            _ => continue,
        };
        let size = symbol.st_size(endian);
        let newest = found.entry(name.to_owned()).or_insert(Symbol { version, kind, size });
        if newest.version < version {
            *newest = Symbol { version, kind, size };
        }
    }
    found
}

/// `GLIBC_2.2.5` as numbers; `None` for GLIBC_PRIVATE and others.
fn parse(version: &[u8]) -> Option<(u32, u32, u32)> {
    let numbers = str::from_utf8(version).ok()?.strip_prefix("GLIBC_")?;
    let mut numbers = numbers.split('.').map(str::parse);
    let major = numbers.next()?.ok()?;
    let minor = numbers.next()?.ok()?;
    let patch = numbers.next().unwrap_or(Ok(0)).ok()?;
    Some((major, minor, patch))
}

/// Assembles and links a library that exports the symbols.
fn build_stub(symbols: &BTreeMap<String, Symbol>, out: &Path, stub: &Path) {
    let mut source = String::from(".text\n");
    let mut by_version = BTreeMap::<_, String>::new();
    for (name, symbol) in symbols {
        let Symbol { version, kind, size } = symbol;
        let _ = writeln!(source, ".globl {name}\n.type {name}, @{kind}\n.size {name}, {size}\n{name}:");
        let _ = write!(by_version.entry(*version).or_default(), " {name};");
    }
    source.push_str(" nop\n.section .note.GNU-stack,\"\",@progbits\n");
    let mut map = String::new();
    for ((major, minor, patch), names) in by_version {
        let patch = if patch == 0 { String::new() } else { format!(".{patch}") };
        let _ = writeln!(map, "GLIBC_{major}.{minor}{patch} {{{names} }};");
    }
    let (source_file, map_file) = (out.join("libc-stub.s"), out.join("libc-stub.map"));
    fs::write(&source_file, source).expect("OUT_DIR can be written");
    fs::write(&map_file, map).expect("OUT_DIR can be written");
    let status = Command::new(compiler())
        .args(["-shared", "-nostdlib", "-Wl,-soname,libc.so.6"])
        .arg(format!("-Wl,--version-script={}", map_file.display()))
        .arg("-o")
        .args([stub, &source_file])
        .status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "cannot link {}: {status:?}", stub.display());
}
