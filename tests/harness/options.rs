//! The options in a program's head: `// harness: key=value key=value`, in Python `# harness: ...`.
//!
//! An option that is not known is an error: a misspelt one would weaken a test in silence. `README.md` explains each.

use std::path::Path;
use std::time::Duration;

use super::Failure;
use super::run::Status;

/// Where threads are expected to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    /// In the process that the harness starts (the default).
    Main,
    /// In some process, e.g. a daemon that the program starts.
    Child,
    /// Nowhere: every process must have stayed dormant.
    None,
    /// Not checked.
    Any,
}

/// What standard error must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stderr {
    /// The same as natively (the default).
    Same,
    /// Anything.
    Ignore,
    /// This text, natively and under patchall.
    Contains(String),
}

/// The options of one program.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) args: Vec<String>,
    pub(super) exit: Status,
    pub(super) threads: Threads,
    pub(super) switches: bool,
    /// Kernel threads allowed beyond the carriers.
    pub(super) extra_kernel_threads: u64,
    pub(super) limit: Duration,
    pub(super) stderr: Stderr,
    pub(super) compiler_flags: Vec<String>,
    pub(super) libraries: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            args: Vec::new(),
            exit: Status::Exited(0),
            threads: Threads::Main,
            switches: true,
            extra_kernel_threads: 3,
            limit: Duration::from_secs(20),
            stderr: Stderr::Same,
            compiler_flags: Vec::new(),
            libraries: Vec::new(),
        }
    }
}

impl Options {
    /// Reads the comment lines that open the file.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|failure| format!("{}: {failure}", path.display()))
    }

    /// Reads the options from a program's text. One line holds one option; its value runs to the end of the line.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let mut options = Self::default();
        let head = text.lines().take_while(|line| line.is_empty() || line.starts_with("//") || line.starts_with('#'));
        for line in head {
            let comment = line.trim_start_matches(['/', '#', '!']).trim();
            if let Some(option) = comment.strip_prefix("harness:") {
                options.set(option.trim()).map_err(|why| format!("option \"{}\": {why}", option.trim()))?;
            }
        }
        Ok(options)
    }

    fn set(&mut self, option: &str) -> Result<(), Failure> {
        let (key, value) = option.split_once('=').ok_or("not of the form key=value")?;
        let words = || value.split_whitespace().map(str::to_owned).collect();
        match key {
            "args" => self.args = words(),
            "exit" => self.exit = parse_status(value)?,
            "threads" => {
                self.threads = match value {
                    "main" => Threads::Main,
                    "child" => Threads::Child,
                    "0" => Threads::None,
                    "any" => Threads::Any,
                    _ => return Err("one of main, child, 0, any".into()),
                }
            }
            "switches" if value == "any" => self.switches = false,
            "switches" => return Err("the only value is any".into()),
            "kernel-threads" => {
                let more = value.strip_prefix('+').ok_or("a number with a plus, e.g. +2")?;
                self.extra_kernel_threads = parse_number(more)?;
            }
            "limit" => self.limit = Duration::from_secs(parse_number(value)?),
            "stderr" => {
                self.stderr = match value.strip_prefix("contains:") {
                    Some(text) => Stderr::Contains(text.to_owned()),
                    None if value == "ignore" => Stderr::Ignore,
                    None => return Err("one of ignore, contains:TEXT".into()),
                }
            }
            "cflags" => self.compiler_flags = words(),
            "libs" => self.libraries = words(),
            _ => return Err("no such option, see tests/README.md".into()),
        }
        Ok(())
    }
}

fn parse_status(value: &str) -> Result<Status, Failure> {
    match value.strip_prefix("signal:") {
        Some(signal) => parse_number(signal).map(Status::Signalled),
        None => parse_number(value).map(Status::Exited),
    }
}

fn parse_number<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| format!("\"{text}\" is not a number in range"))
}

#[test]
fn options_are_read_from_the_head_only() {
    let options =
        Options::parse("// A program.\n// harness: exit=signal:11\n// harness: args=a b\nint x; // harness: limit=1\n");
    let options = options.expect("all are known");
    assert_eq!(options.exit, Status::Signalled(11));
    assert_eq!(options.args, ["a", "b"]);
    assert_eq!(options.limit, Duration::from_secs(20));
}

#[test]
fn options_of_a_python_program_follow_its_interpreter_line() {
    let options = Options::parse("#!/usr/bin/env python3\n# harness: threads=0\nimport os\n").expect("all are known");
    assert_eq!(options.threads, Threads::None);
}

#[test]
fn an_unknown_option_is_an_error() {
    let failure = Options::parse("// harness: treads=0\n").expect_err("misspelt");
    assert!(failure.contains("no such option"), "{failure}");
}
