//! The settings: one table from which the parser, `patchall --help` and the README's table are made.
//!
//! Settings reach a process only through its environment, as `PATCHALL_NAME=VALUE`; the launcher's options are another
//! way to write the same variables. A process reads them once, in a constructor before `main`.
//!
//! Invariants: nothing here allocates through libc or keeps a pointer into the environment (programs overwrite that
//! memory, to set their title for one), and an environment without settings costs one look at each entry's first bytes.
//! A bad value never stops a program: the default holds and [`Problems`] says so once.
//!
//! `unsafe` is used to walk the environment block and to keep copies of path names.

use core::ffi::{CStr, c_char, c_int};
use core::fmt;

pub use self::problems::{Problem, Problems};

mod problems;
mod table;
#[cfg(test)]
mod tests;

/// What every variable of ours begins with.
pub const PREFIX: &str = "PATCHALL_";

/// How much is said on stderr. Each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing at all.
    Off,
    /// What stops us from doing as we were asked.
    Error,
    /// Also every reason for which a program, or a part of it, runs natively.
    Warn,
    /// Also what was found and patched.
    Info,
    /// Also what helps to debug patchall itself.
    Debug,
}

impl Level {
    /// The level's name as the setting is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// The form of the report that a process writes when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stats {
    /// No report.
    Off,
    /// Lines for people.
    Text,
    /// One JSON object on one line.
    Json,
}

/// When a virtual thread that does not block is made to let the others run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Never: only blocking calls switch.
    Off,
    /// After so many microseconds.
    Every(u32),
}

/// The settings of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Carriers, 1 to 1024; `None` for as many as there are CPUs we may use.
    pub carriers: Option<u32>,
    /// Exit with 125 where patchall would otherwise fall back to running natively.
    pub strict: bool,
    /// The report at exit. [`Config::stats_file`] without it means [`Stats::Text`].
    pub stats: Stats,
    /// The file to which the report is appended instead of going to stderr.
    pub stats_file: Option<&'static CStr>,
    /// How much is said on stderr.
    pub log: Level,
    /// Patch the system calls in libc; otherwise only hooked symbols yield.
    pub gate: bool,
    /// The programs that this one starts run under patchall too.
    pub children: bool,
    /// The length of a slice.
    pub tick: Tick,
    /// Give a carrier's role to another OS thread while a call holds the carrier up in the kernel.
    pub handover: bool,
    /// The file to which the list of threads is appended when [`Config::dump_signal`] comes.
    pub dump: Option<&'static CStr>,
    /// The signal that asks for the list; taken from the program only when [`Config::dump`] is set.
    pub dump_signal: c_int,
}

impl Config {
    /// What holds when nothing is set and the library was preloaded without the launcher.
    pub const DEFAULT: Self = Self {
        carriers: None,
        strict: false,
        stats: Stats::Off,
        stats_file: None,
        log: Level::Error,
        gate: true,
        children: true,
        tick: Tick::Every(4000),
        handover: true,
        dump: None,
        // SIGRTMAX-2, `kill -RTMAX-2 PID`: the real-time signals at both ends have users (glibc 32 and 33, Valgrind 64).
        dump_signal: 62,
    };

    /// Reads the settings of an environment block over `defaults`.
    ///
    /// # Safety
    /// `envp` is null or points to a null-terminated array of NUL-terminated strings, as `environ` does (environ(7)),
    /// that nobody changes meanwhile.
    // Inlined: see the constructor of the library.
    #[inline(always)]
    pub unsafe fn from_environ(defaults: Self, envp: *const *mut c_char) -> (Self, Problems) {
        let mut config = defaults;
        let mut problems = Problems::NONE;
        if envp.is_null() {
            return (config, problems);
        }
        let mut next = envp;
        loop {
            // SAFETY: the caller promises a null-terminated array, and we stop at the null.
            let entry = unsafe { *next };
            if entry.is_null() {
                break;
            }
            // SAFETY: the caller promises NUL-terminated strings; the comparison stops at the first difference, so at
            // the NUL at the latest.
            if unsafe { is_ours(entry) } {
                // SAFETY: as above.
                let bytes = unsafe { CStr::from_ptr(entry) }.to_bytes();
                if let Some((name, value)) = split(&bytes[PREFIX.len()..])
                    && let Err(wrong) = config.set(name, value)
                {
                    problems.add(Problem { entry, wrong });
                }
            }
            // SAFETY: this was not the null at the end, so there is a next element.
            next = unsafe { next.add(1) };
        }
        (config, problems)
    }

    /// Sets one setting by the name of its variable without the prefix. An empty value leaves it as it is.
    ///
    /// # Errors
    /// [`Wrong`], with nothing changed, when there is no such setting or the value is none of its values.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Wrong> {
        let setting = SETTINGS.iter().find(|s| s.name.as_bytes() == name).ok_or(Wrong::Name)?;
        if value.is_empty() || (setting.apply)(self, value).is_some() { Ok(()) } else { Err(Wrong::Value(setting)) }
    }
}

/// Whether an entry of the environment begins with [`PREFIX`].
///
/// # Safety
/// `entry` points to a NUL-terminated string.
unsafe fn is_ours(entry: *const c_char) -> bool {
    PREFIX.bytes().enumerate().all(|(i, byte)| {
        // SAFETY: the bytes before this one were equal to the prefix's, so none of them was the NUL.
        let found = unsafe { *entry.add(i) };
        found.cast_unsigned() == byte
    })
}

fn split(entry: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = entry.iter().position(|&b| b == b'=')?;
    Some((&entry[..at], &entry[at + 1..]))
}

/// Why a setting was refused.
#[derive(Clone, Copy, Debug)]
pub enum Wrong {
    /// There is no setting of that name.
    Name,
    /// The value is none that this setting can have.
    Value(&'static Setting),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("there is no such setting"),
            Self::Value(setting) => write!(f, "expected {}", setting.values),
        }
    }
}

/// One row of the table of settings.
#[derive(Debug)]
pub struct Setting {
    /// The variable's name without [`PREFIX`].
    pub name: &'static str,
    /// How the launcher's option for it is written, if it has one.
    pub option: Option<&'static str>,
    /// What the value can be, with the unit.
    pub values: &'static str,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it does, in one sentence.
    pub doc: &'static str,
    apply: fn(&mut Config, &[u8]) -> Option<()>,
}

pub use self::table::SETTINGS;
