//! Finds the library, and makes sure before anything runs that the loader can and should preload it.
//!
//! ld.so only warns of a library that it cannot preload, and runs the program natively: too late for `--strict`, and
//! easy to overlook. So what can be known is checked here.

use std::error::Error;
use std::ffi::CString;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{fs, io, mem};

use object::elf::FileHeader64;
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, ReadCache};

use crate::note;

const FILE: &str = "libpatchall_shim.so";

/// The library that belongs to this launcher.
pub(super) fn find() -> Result<PathBuf, String> {
    let own = fs::read_link("/proc/self/exe")
        .map_err(|e| format!("cannot find the library: /proc/self/exe: {e}; is /proc mounted?"))?;
    let directory = own.parent().unwrap_or(Path::new("/"));
    let beside = directory.join(FILE);
    let installed = directory.parent().unwrap_or(Path::new("/")).join("lib/patchall").join(FILE);
    // `symlink_metadata`: a link that leads nowhere is an error to tell, not a reason to take the other.
    let path = [&beside, &installed].into_iter().find(|p| p.symlink_metadata().is_ok()).ok_or_else(|| {
        format!(
            "there is neither {} nor {}; build it with `cargo build --release` or install with scripts/install.sh",
            beside.display(),
            installed.display()
        )
    })?;
    check_name(path)?;
    check_build(path)?;
    check_mount(path)?;
    Ok(path.clone())
}

/// ld.so splits LD_PRELOAD at spaces and colons and expands `$ORIGIN` and its like (ld.so(8)); there is no quoting.
fn check_name(path: &Path) -> Result<(), String> {
    let found = |&(byte, _): &(u8, _)| path.as_os_str().as_bytes().contains(&byte);
    let names = [(b' ', "a space"), (b':', "a colon"), (b'$', "a dollar sign")];
    match names.into_iter().find(found) {
        None => Ok(()),
        Some((_, name)) => Err(format!(
            "cannot preload {}: its path has {name} in it, which LD_PRELOAD cannot express; \
             move patchall to another directory or install it with `scripts/install.sh PREFIX`",
            path.display()
        )),
    }
}

/// The library must come from the same sources as this launcher.
fn check_build(path: &Path) -> Result<(), String> {
    let cannot = |e: &dyn std::fmt::Display| format!("cannot use {}: {e}", path.display());
    let file = File::open(path).map_err(|e| {
        let remedy = match e.kind() {
            io::ErrorKind::PermissionDenied => "; `chmod a+rx` it and the directories above it",
            _ => "",
        };
        format!("{}{remedy}", cannot(&e))
    })?;
    match read_build(file) {
        Ok(Some(build)) if build == note::BUILD => Ok(()),
        Ok(build) => {
            let build = build.unwrap_or_else(|| "something else".into());
            let own = note::BUILD;
            let both = format!("it is {build}, this launcher is {own}");
            Err(cannot(&format!("{both}; build or install both together: `cargo build --release`")))
        }
        Err(e) => Err(cannot(&format!("{e}; build it again: `cargo build --release`"))),
    }
}

/// The text of our note in an ELF file, all of which must be there.
fn read_build(file: File) -> Result<Option<String>, Box<dyn Error>> {
    let data = ReadCache::new(file);
    let header = FileHeader64::<Endianness>::parse(&data)?;
    let endian = header.endian()?;
    let mut build = None;
    for segment in header.program_headers(endian, &data)? {
        // What a truncated file lacks is mapped all the same and kills with SIGBUS when it is touched.
        segment.data(endian, &data).map_err(|()| "it is truncated")?;
        let Some(mut notes) = segment.notes(endian, &data)? else {
            continue;
        };
        while let Some(found) = notes.next()? {
            if found.name_bytes() == note::NAME && found.n_type(endian).0 == note::TYPE {
                build = Some(String::from_utf8_lossy(found.desc()).into_owned());
            }
        }
    }
    Ok(build)
}

/// Code cannot be mapped from a file system that is mounted `noexec` (mmap(2), EPERM).
fn check_mount(path: &Path) -> Result<(), String> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
    // SAFETY: statvfs(3) wants a C string and room for its answer; all zeroes is a valid value of it.
    let noexec = unsafe {
        let mut file_system: libc::statvfs = mem::zeroed();
        libc::statvfs(name.as_ptr(), &mut file_system) == 0 && file_system.f_flag & libc::ST_NOEXEC != 0
    };
    if noexec {
        return Err(format!(
            "cannot preload {}: its file system is mounted noexec; install patchall elsewhere",
            path.display()
        ));
    }
    Ok(())
}
