//! Compiles a test program, or finds it compiled: executables lie under `target/programs/`, named by a hash of all that
//! goes into them (source, headers beside and above it, command, compiler version).
//!
//! Two tests that need the same program at once may both compile it; each writes a file of its own and renames it, so
//! nobody ever runs half a file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs};

use super::Failure;
use super::options::Options;

/// How a program is started: the file, and the arguments that come before the program's own.
#[derive(Debug)]
pub(super) struct Executable {
    pub(super) path: PathBuf,
    pub(super) first_args: Vec<OsString>,
}

/// Compiles the program at `source` by its ending; Python is left to the interpreter.
pub(super) fn compile(source: &Path, options: &Options) -> Result<Executable, Failure> {
    let ending = source.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let (compiler, flags): (OsString, &[&str]) = match ending {
        "py" => {
            return Ok(Executable { path: python()?.clone(), first_args: vec![source.into()] });
        }
        "c" => (tool("CC", "gcc"), &["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-pthread"]),
        "cc" => (tool("CXX", "g++"), &["-std=gnu++20", "-O2", "-g", "-Wall", "-Wextra", "-pthread"]),
        "rs" => (tool("RUSTC", "rustc"), &["--edition=2024", "-O", "-g"]),
        _ => {
            return Err(format!("{}: no compiler is known for .{ending}", source.display()));
        }
    };
    let mut arguments: Vec<OsString> = flags.iter().map(OsString::from).collect();
    arguments.extend(options.compiler_flags.iter().map(OsString::from));
    arguments.push(source.into());
    arguments.extend(options.libraries.iter().map(OsString::from));
    let path = build(&compiler, &arguments, source)?;
    Ok(Executable { path, first_args: Vec::new() })
}

/// Compiles a shared library, for the tests of the harness itself.
pub(super) fn compile_library(source: &Path) -> Result<PathBuf, Failure> {
    let mut arguments: Vec<OsString> = ["-O2", "-Wall", "-shared", "-fPIC"].map(OsString::from).into();
    arguments.push(source.into());
    build(&tool("CC", "gcc"), &arguments, source)
}

/// Runs the compiler unless its result for the same input is there.
fn build(compiler: &OsString, arguments: &[OsString], source: &Path) -> Result<PathBuf, Failure> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let stem = source.file_stem().and_then(|stem| stem.to_str()).unwrap_or("program");
    let directory = target_directory().join("programs");
    fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let hash = hash_of_input(compiler, arguments, source)?;
    let path = directory.join(format!("{stem}-{hash:016x}"));
    if path.exists() {
        return Ok(path);
    }
    let unfinished =
        directory.join(format!("{stem}-{}-{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed)));
    let output = Command::new(compiler)
        .args(arguments)
        .arg("-o")
        .arg(&unfinished)
        .output()
        .map_err(|error| format!("{}: {error}; it is needed to compile the test programs", compiler.display()))?;
    if !output.status.success() {
        return Err(format!("{} does not compile:\n{}", source.display(), String::from_utf8_lossy(&output.stderr)));
    }
    fs::rename(&unfinished, &path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// FNV-1a over everything that decides what the compiler writes.
fn hash_of_input(compiler: &OsString, arguments: &[OsString], source: &Path) -> Result<u64, Failure> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    add(version_of(compiler)?.as_bytes());
    for argument in arguments {
        add(argument.as_encoded_bytes());
    }
    let mut inputs = vec![source.to_owned()];
    for directory in source.ancestors().skip(1).take(2) {
        let entries = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        inputs.extend(
            entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "h")),
        );
    }
    inputs.sort();
    for input in inputs {
        add(&fs::read(&input).map_err(|error| format!("{}: {error}", input.display()))?);
    }
    Ok(hash)
}

/// What the compiler calls itself: another one must not find the files of this one.
fn version_of(compiler: &OsString) -> Result<String, Failure> {
    let output = Command::new(compiler).arg("--version").output();
    let output = output
        .map_err(|error| format!("{}: {error}; it is needed to compile the test programs", compiler.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn tool(variable: &str, default: &str) -> OsString {
    env::var_os(variable).unwrap_or_else(|| default.into())
}

/// The interpreter itself: `python3` in the path may be a script that looks for one and would run under patchall too.
fn python() -> Result<&'static PathBuf, Failure> {
    static PYTHON: OnceLock<Result<PathBuf, Failure>> = OnceLock::new();
    let find = || {
        let output =
            Command::new(tool("HARNESS_PYTHON", "python3")).args(["-c", "import sys; print(sys.executable)"]).output();
        let output =
            output.map_err(|error| format!("python3: {error}; it is needed for the test programs in Python"))?;
        Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
    };
    PYTHON.get_or_init(find).as_ref().map_err(Clone::clone)
}

/// The directory that cargo builds in, from where this test executable lies: `target/<profile>/deps/`.
pub(super) fn target_directory() -> PathBuf {
    let executable = env::current_exe().expect("a test knows its own path");
    executable.ancestors().nth(3).expect("tests lie in target/<profile>/deps").to_owned()
}
