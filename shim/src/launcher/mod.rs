//! The launcher: options, a look at the library and at the command, and exec.
//!
//! It prints nothing to stdout but the answer to `--help` and `--version`, and on stderr one line for each thing that
//! is wrong. Exit codes of its own: 125 for its own errors, with nothing run; 126 for a command that cannot be executed;
//! 127 for one that is not found.

mod arguments;
mod environment;
mod execute;
mod help;
mod inspect;
mod library;
mod search;
mod secure;

use std::ffi::{CStr, c_int};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use patchall::config::{Config, Level};

use self::arguments::Request;
use self::environment::Environment;
use self::execute::Failure;
use crate::note;

/// The launcher's own errors.
const OWN_ERROR: c_int = 125;

/// Does what the arguments say. Returns only when no command was started, with the exit code.
pub(crate) fn run(arguments: Vec<&'static CStr>) -> c_int {
    match arguments::parse(&arguments) {
        Ok(Request::Help) => print(&help::text()),
        Ok(Request::Version) => print(&format!("patchall {}\n", note::BUILD)),
        Ok(Request::Run { settings, command }) => start(&settings, &command),
        Err(wrong) => {
            tell(&format!("{wrong}; try `patchall --help`"));
            OWN_ERROR
        }
    }
}

fn start(settings: &[arguments::Given], command: &[&CStr]) -> c_int {
    let mut environment = Environment::of_this_process();
    let (mut config, ignored) = environment.settings(Level::Warn);
    for given in settings {
        if let Err(wrong) = config.set(given.name.as_bytes(), given.value.as_bytes()) {
            let value = given.value.as_bytes().escape_ascii();
            tell(&format!("{} {value}: {wrong}; try `patchall --help`", given.option));
            return OWN_ERROR;
        }
        environment.set(given.name, &given.value);
    }
    environment.set("LOG", config.log.name().as_ref());
    if let Some(ignored) = ignored {
        tell_at(Level::Error, &config, &ignored);
    }

    let outcome = library::find()
        .map_err(|e| Failure::new(OWN_ERROR, e))
        .and_then(|library| execute::execute(command, &config, &environment, &library));
    let Err(failure) = outcome;
    tell_at(Level::Error, &config, &failure.message);
    failure.code
}

/// One line on stderr, if messages of this level are wanted.
fn tell_at(level: Level, config: &Config, message: &str) {
    if config.log >= level {
        tell(message);
    }
}

/// One line on stderr, in one write, so that lines of several processes do not mix.
fn tell(message: &str) {
    // When stderr is closed there is nobody left to tell.
    let _ = io::stderr().write_all(format!("patchall: {message}\n").as_bytes());
}

fn print(text: &str) -> c_int {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => 0,
        Err(e) => {
            tell(&format!("cannot write to stdout: {e}"));
            OWN_ERROR
        }
    }
}
