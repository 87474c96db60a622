//! Where the library under test is: `PATCHALL_LIB`, else the newer one of `target/release` and `target/debug`.
//!
//! It is built by whoever runs the tests, not here (a test that runs cargo would wait for the lock that `cargo test`
//! holds). A library that is older than its sources is refused: a test must not pass on yesterday's code.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;
use std::{env, fs};

use super::{Failure, compile};

/// The library's path, or why there is none that can be used.
pub(super) fn find() -> Result<PathBuf, Failure> {
    static FOUND: OnceLock<Result<PathBuf, Failure>> = OnceLock::new();
    FOUND.get_or_init(look).clone()
}

fn look() -> Result<PathBuf, Failure> {
    if let Some(path) = env::var_os("PATCHALL_LIB") {
        let path = PathBuf::from(path);
        return path.canonicalize().map_err(|error| format!("PATCHALL_LIB={}: {error}", path.display()));
    }
    let target = compile::target_directory();
    let candidates = ["release", "debug"].map(|profile| target.join(profile).join("libpatchall_shim.so"));
    let newest = candidates.into_iter().filter_map(|path| Some((modified(&path)?, path))).max();
    let (built, path) = newest.ok_or_else(|| {
        format!(
            "no libpatchall_shim.so in {}: run `cargo build --release` first, or set PATCHALL_LIB",
            target.display()
        )
    })?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace");
    for part in ["runtime", "shim"] {
        if let Some((changed, source)) = newest_source(&workspace.join(part))
            && changed > built
        {
            return Err(format!(
                "{} is older than {}: run `cargo build --release` first, or set PATCHALL_LIB",
                path.display(),
                source.display()
            ));
        }
    }
    Ok(path)
}

/// The file changed last below `directory`.
fn newest_source(directory: &Path) -> Option<(SystemTime, PathBuf)> {
    let entries = fs::read_dir(directory).ok()?;
    entries
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            if path.is_dir() { newest_source(&path) } else { Some((modified(&path)?, path)) }
        })
        .max()
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
