//! What the launcher's tests share: scratch directories, an installed copy, running and compiling.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

pub(crate) const LIBRARY: &str = "libpatchall_shim.so";

/// The user that owns nothing.
pub(crate) const NOBODY: u32 = 65534;

/// The launcher in cargo's target directory, with the library beside it.
///
/// `cargo test` builds the launcher for its tests but leaves an older library, or none, beside it; only `cargo build`
/// puts that there.
pub(crate) fn built() -> PathBuf {
    static BUILD: Once = Once::new();
    let launcher = PathBuf::from(env!("CARGO_BIN_EXE_patchall"));
    let directory = launcher.parent().unwrap();
    BUILD.call_once(|| {
        let profile = match directory.file_name().and_then(OsStr::to_str).unwrap() {
            "debug" => "dev",
            other => other,
        };
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args(["build", "--quiet", "--package", "patchall_shim", "--profile", profile]);
        cargo.arg("--target-dir").arg(directory.parent().unwrap());
        let output = cargo.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    launcher
}

/// The built launcher, in an environment with nothing but PATH.
pub(crate) fn patchall() -> Command {
    clean(built())
}

/// A program in an environment with nothing but PATH.
pub(crate) fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// How a program ended and what it said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs to the end. A death by signal N is code 128 + N.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let code = output.status.code();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome {
        code: code.or_else(|| output.status.signal().map(|s| 128 + s)).unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

impl Outcome {
    /// The launcher gave up: this code, nothing on stdout, and one line with all of these words in it.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.out, "", "something ran or was printed: {self:?}");
        self.one_line(words);
    }

    /// One line on stderr, with all of these words in it.
    #[track_caller]
    pub(crate) fn one_line(&self, words: &[&str]) {
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert!(self.err.starts_with("patchall: "), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in {self:?}");
        }
    }
}

/// A directory of its own for one test, open to everybody, removed at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("patchall-launcher-{}-{number}", process::id()));
        fs::create_dir(&path).unwrap();
        set_mode(&path, 0o755);
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file with these mode bits.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Another process writes: with the file open here, a child that another test is just starting would have it open,
        // too, and executing it would fail with ETXTBSY.
        let mut writer = Command::new("/bin/sh");
        writer.args(["-c", "exec cat > \"$0\""]).arg(&path).stdin(Stdio::piped());
        let mut writer = writer.spawn().unwrap();
        writer.stdin.take().unwrap().write_all(content.as_ref()).unwrap();
        assert!(writer.wait().unwrap().success());
        set_mode(&path, mode);
        path
    }

    /// Copies a file and sets its mode bits.
    pub(crate) fn copy(&self, from: impl AsRef<Path>, name: &str, mode: u32) -> PathBuf {
        self.file(name, fs::read(from).unwrap(), mode)
    }

    /// The launcher and its library in one directory below; the launcher's path.
    pub(crate) fn copy_of_launcher(&self, directory: &str) -> PathBuf {
        let built = built();
        self.copy(built.with_file_name(LIBRARY), &format!("{directory}/{LIBRARY}"), 0o755);
        self.copy(&built, &format!("{directory}/patchall"), 0o755)
    }

    /// Compiles a C program.
    pub(crate) fn compile(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let path = self.path(name);
        let file = self.file(&format!("{name}.c"), source, 0o644);
        let mut compiler = Command::new("cc");
        compiler.arg("-o").arg(&path).arg(file).args(flags);
        let output = compiler.output().expect("a C compiler is needed: install gcc");
        assert!(output.status.success(), "{compiler:?}: {}", String::from_utf8_lossy(&output.stderr));
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A program that says whether the library is mapped, and shows its LD_PRELOAD.
pub(crate) const SHOW_C: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
    char line[4096];
    int mapped = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        mapped |= strstr(line, "libpatchall_shim.so") != 0;
    const char *preload = getenv("LD_PRELOAD");
    printf("%s %s\n", mapped ? "mapped" : "native", preload ? preload : "-");
    return 0;
}
"#;

/// Whether the tests may change users. The tests of privileges need it; run the tests as root, as CI does, for these.
pub(crate) fn is_root() -> bool {
    // SAFETY: geteuid(2) cannot fail and takes nothing.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}

/// Runs as the user that owns nothing.
pub(crate) fn as_nobody(command: &mut Command) -> &mut Command {
    command.uid(NOBODY).gid(NOBODY).current_dir("/")
}
