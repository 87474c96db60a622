//! Prepares what the library and the launcher are linked against, and gives both one build identity.
//!
//! - A preloaded library is loaded by every program, so it must neither pull in libgcc_s (a fifth of the start-up cost
//!   of `/bin/true`) nor need a younger glibc than the oldest one supported. `build/link.rs` sees to both.
//! - The launcher must not preload a library of another build. `BUILD_IDENTITY` is the version and a hash of the
//!   sources; both carry it. (`cargo run` hands it on to the program: it must not look like a setting.)

#[path = "build/link.rs"]
mod link;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));

    let mut hash = DefaultHasher::new();
    for sources in ["src", "../runtime/src", "../Cargo.lock"] {
        let path = here.join(sources);
        println!("cargo::rerun-if-changed={}", path.display());
        add(&path, &mut hash).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    println!(
        "cargo::rustc-env=BUILD_IDENTITY={}+{:016x}",
        env::var("CARGO_PKG_VERSION").expect("cargo sets it"),
        hash.finish()
    );

    if env::var("TARGET").is_ok_and(|t| t == "x86_64-unknown-linux-gnu") {
        link::prepare(&out);
    }
}

/// Adds a file, or all files below a directory in the order of their names.
fn add(path: &Path, hash: &mut DefaultHasher) -> io::Result<()> {
    if path.is_dir() {
        let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            entry.file_name().hash(hash);
            add(&entry.path(), hash)?;
        }
    } else if path.exists() {
        fs::read(path)?.hash(hash);
    }
    Ok(())
}
