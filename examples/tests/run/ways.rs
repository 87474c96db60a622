//! How examples are run: natively, and under the library.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Clone, Debug)]
pub(crate) enum Way {
    Native,
    Patchall { library: PathBuf, carriers: u32 },
}

/// Every way in which the examples can be run here.
pub(crate) fn ways() -> Vec<Way> {
    let mut ways = vec![Way::Native];
    match library() {
        Some(library) => ways.extend([1, 2].map(|carriers| Way::Patchall { library: library.clone(), carriers })),
        None => eprintln!(
            "libpatchall_shim.so not found, native runs only: build it (cargo build --release) or set PATCHALL_LIB"
        ),
    }
    ways
}

fn library() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("PATCHALL_LIB") {
        let path = PathBuf::from(path);
        assert!(
            path.is_absolute() && path.exists(),
            "PATCHALL_LIB={} is not the absolute path of a file",
            path.display()
        );
        return Some(path);
    }
    // This program is target/<profile>/deps/run-<hash>.
    let target = std::env::current_exe().ok()?.ancestors().nth(3)?.to_owned();
    let path = target.join("release/libpatchall_shim.so");
    path.exists().then_some(path)
}

pub(crate) fn examples() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compiles `examples/<name>.c`; each test compiles into a directory of its own, since tests run at the same time.
pub(crate) fn compile(test: &str, name: &str) -> String {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&directory).expect("make a directory for the compiled example");
    let program = directory.join(name);
    let status = Command::new("cc")
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
        .arg(&program)
        .arg(examples().join(format!("{name}.c")))
        .status()
        .expect("run cc (install a C compiler, for example Debian's gcc)");
    assert!(status.success(), "cc failed on {name}.c");
    program.to_str().expect("a path in UTF-8").to_owned()
}

pub(crate) fn python(name: &str) -> Vec<String> {
    let script = examples().join(name);
    vec!["python3".to_owned(), script.to_str().expect("a path in UTF-8").to_owned()]
}

/// The command, killed after a minute, with nothing of patchall in its environment but what `way` puts there.
/// `timeout` and `env` themselves run without the library.
pub(crate) fn command(way: &Way, program: &[String], arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "60", "env"]).stdout(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PATCHALL_") {
            command.env_remove(name);
        }
    }
    command.env_remove("LD_PRELOAD");
    if let Way::Patchall { library, carriers } = way {
        command.arg(format!("LD_PRELOAD={}", library.display()));
        command.arg("PATCHALL_STRICT=1").arg(format!("PATCHALL_CARRIERS={carriers}"));
    }
    command.args(program).args(arguments);
    command
}
