//! Runs a program natively and under patchall and compares: the two entry points that the generated tests call.
//!
//! Linux is the oracle: what the native run prints and how it ends is right by definition, as long as it ends as the
//! program's head says. The library is never built here (`library.rs` says where it must be).

mod compare;
mod compile;
mod diagnose;
mod known;
mod library;
mod options;
mod run;
mod selftest;
mod stats;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use compile::Executable;
use options::Options;
use run::Outcome;

/// What went wrong, in words for the person who reads the test's output.
type Failure = String;

/// A program, ready to run.
struct Program {
    options: Options,
    executable: Executable,
}

impl Program {
    /// Reads the options in the program's head and compiles it, if it has changed since the last time.
    fn load(path: &Path) -> Result<Self, Failure> {
        let options = Options::of(path)?;
        let executable = compile::compile(path, &options)?;
        Ok(Self { options, executable })
    }

    fn run_natively(&self) -> Result<Outcome, Failure> {
        let outcome = run::run(self, None)?;
        compare::ends_as_declared(&outcome, &self.options)?;
        Ok(outcome)
    }

    /// Runs under `library` and compares all that can be seen from outside with `native`.
    fn run_virtually(&self, library: &Path, carriers: u32, native: &Outcome) -> Result<(), Failure> {
        let report = run::ReportFile::new()?;
        let outcome = run::run(self, Some(&run::Preload { library, carriers, report: report.path() }))?;
        compare::same(native, &outcome, &self.options)?;
        let processes = stats::read(report.path())?;
        stats::check(&processes, &self.options, carriers, &outcome)
    }
}

/// The test `native`: the program ends as its head says and prints the same each time.
pub(crate) fn runs_natively(name: &str) {
    let (program, first) = native_run(name);
    for _ in 1..repeat() {
        let again = program.run_natively().and_then(|outcome| compare::same(&first, &outcome, &program.options));
        if let Err(failure) = again {
            panic!("{name}, natively:\n{failure}");
        }
    }
}

/// The tests `carriers_N`: the program cannot be told from its native self, and its threads were virtual.
pub(crate) fn agrees_with_native(name: &str, carriers: u32) {
    let library = library::find().unwrap_or_else(|failure| panic!("{failure}"));
    let (program, native) = native_run(name);
    let known = known::reason(name, carriers).unwrap_or_else(|failure| panic!("{failure}"));
    for _ in 0..repeat() {
        match (program.run_virtually(&library, carriers, &native), known.as_deref()) {
            (Ok(()), None) => {}
            (Err(failure), None) => panic!("{name} with {carriers} carriers:\n{failure}"),
            (Err(_), Some(reason)) => {
                eprintln!("{name} with {carriers} carriers: known failure: {reason}")
            }
            (Ok(()), Some(_)) => {
                panic!("{name} with {carriers} carriers passes: remove its line from tests/known-failures.txt")
            }
        }
    }
}

/// The program and its native outcome; both are made once per test process and shared by the program's tests.
fn native_run(name: &str) -> (Arc<Program>, Arc<Outcome>) {
    type Slot = Arc<OnceLock<Result<(Arc<Program>, Arc<Outcome>), Failure>>>;
    static RUNS: OnceLock<Mutex<HashMap<String, Slot>>> = OnceLock::new();
    let slot = RUNS
        .get_or_init(Mutex::default)
        .lock()
        .expect("the lock is held for the look-up only")
        .entry(name.to_owned())
        .or_default()
        .clone();
    let run = slot.get_or_init(|| {
        let program = Program::load(&programs().join(name))?;
        let outcome = program.run_natively()?;
        Ok((Arc::new(program), Arc::new(outcome)))
    });
    match run {
        Ok((program, outcome)) => (program.clone(), outcome.clone()),
        Err(failure) => panic!("{name}, natively:\n{failure}"),
    }
}

/// The directory of the test programs.
fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

/// How often each test runs its program: `HARNESS_REPEAT`, else once.
fn repeat() -> u32 {
    number_from_environment("HARNESS_REPEAT")
}

/// A whole number of at least 1 from the environment, 1 when it is not set.
fn number_from_environment(name: &str) -> u32 {
    match std::env::var(name) {
        Ok(text) => text.parse().ok().filter(|n| *n > 0).unwrap_or_else(|| panic!("{name}={text}: not a number >= 1")),
        Err(_) => 1,
    }
}
