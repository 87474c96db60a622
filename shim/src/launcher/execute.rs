//! Looks at the command, says what will run natively, and becomes it.
//!
//! The search, the order of its errors and the shell for a file without `#!` are execvp(3)'s, so that a command starts
//! under patchall whenever it starts without.
//!
//! `unsafe` is used to call execve.

use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr, c_char, c_int};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use patchall::config::{Config, Level};

use super::environment::Environment;
use super::inspect::{self, Finding};
use super::{OWN_ERROR, search};

/// Cannot be executed.
const NOT_EXECUTABLE: c_int = 126;
/// Not found.
const NOT_FOUND: c_int = 127;

/// Why no command was started, and the exit code for it.
pub(super) struct Failure {
    pub(super) code: c_int,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(code: c_int, message: String) -> Self {
        Self { code, message }
    }
}

/// Runs the command in this process, with the library preloaded.
pub(super) fn execute(
    command: &[&CStr],
    config: &Config,
    environment: &Environment,
    library: &Path,
) -> Result<Infallible, Failure> {
    let name = show(command[0]);
    let mut refused = None;
    for file in search::candidates(command[0], environment.get("PATH")) {
        let errno = match search::probe(&file) {
            Err(errno) => errno,
            Ok(()) => become_program(&file, command, config, environment, library)?,
        };
        match errno {
            libc::ENOENT => {}
            // To execvp a directory is one more file that may not be executed; the message can be plainer.
            libc::EISDIR => refused = refused.or(Some((file, libc::EISDIR))),
            e if search::looks_further(e) => refused = refused.or(Some((file, e))),
            e => return Err(not_executable(&file, e)),
        }
    }
    match refused {
        Some((file, errno)) if errno != libc::ENOTDIR => Err(not_executable(&file, errno)),
        _ if command[0].to_bytes().contains(&b'/') => Err(Failure::new(NOT_FOUND, format!("{name}: no such file"))),
        _ => Err(Failure::new(NOT_FOUND, format!("{name}: command not found in PATH"))),
    }
}

/// Starts one file, or says with which errno the kernel refused.
fn become_program(
    file: &CStr,
    command: &[&CStr],
    config: &Config,
    environment: &Environment,
    library: &Path,
) -> Result<c_int, Failure> {
    let mut environment = environment.clone();
    let finding = inspect::inspect(Path::new(OsStr::from_bytes(file.to_bytes())));
    match &finding {
        Finding::Native(native) if config.strict => {
            let message = format!("{native}; not run, because of --strict");
            return Err(Failure::new(OWN_ERROR, message));
        }
        Finding::Native(native) => {
            super::tell_at(Level::Warn, config, &format!("{native}; it runs natively"));
            if native.can_have_library() {
                environment.preload(library);
            }
        }
        _ => environment.preload(library),
    }

    let mut arguments: Vec<*const c_char> = command.iter().map(|a| a.as_ptr()).collect();
    arguments.push(std::ptr::null());
    let mut errno = exec(file, &arguments, &environment);
    if errno == libc::ENOEXEC && matches!(finding, Finding::ForShell) {
        let shell = c"/bin/sh";
        arguments.splice(..1, [shell.as_ptr(), file.as_ptr()]);
        errno = exec(shell, &arguments, &environment);
    }
    match finding {
        // The kernel's "no such file" is about the interpreter then.
        Finding::NoInterpreter(missing) if errno == libc::ENOENT => {
            Err(Failure::new(NOT_EXECUTABLE, missing.to_string()))
        }
        _ => Ok(errno),
    }
}

/// execve(2): the errno, since it returns only when it fails.
fn exec(file: &CStr, arguments: &[*const c_char], environment: &Environment) -> c_int {
    let environment = environment.pointers();
    // SAFETY: a C string and two null-terminated arrays of C strings, all alive until execve has copied them.
    unsafe { libc::execve(file.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

fn not_executable(file: &CString, errno: c_int) -> Failure {
    let reason = match errno {
        libc::EISDIR => "it is a directory".into(),
        _ => io::Error::from_raw_os_error(errno).to_string(),
    };
    Failure::new(NOT_EXECUTABLE, format!("cannot execute {}: {reason}", show(file)))
}

fn show(name: &CStr) -> impl std::fmt::Display {
    name.to_bytes().escape_ascii()
}
