//! The command line: options up to the first word that is none, then the command.
//!
//! An option only names a setting and its text; the table in `patchall::config` knows which values are right.

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser};

/// What is asked of the launcher.
pub(super) enum Request {
    Help,
    Version,
    Run { settings: Vec<Given>, command: Vec<&'static CStr> },
}

/// A setting that an option gives.
pub(super) struct Given {
    /// The option, for messages.
    pub(super) option: &'static str,
    /// The setting's name in the table.
    pub(super) name: &'static str,
    pub(super) value: OsString,
}

/// Reads the arguments, the first of which is the launcher's own name.
pub(super) fn parse(arguments: &[&'static CStr]) -> Result<Request, String> {
    let words = arguments.iter().skip(1).map(|a| OsStr::from_bytes(a.to_bytes()));
    let mut parser = Parser::from_args(words);
    let mut settings = Vec::new();
    let mut give = |option, name, value| settings.push(Given { option, name, value });
    loop {
        let argument = parser.next().map_err(|e| e.to_string())?;
        match argument {
            Some(Arg::Long("help")) => return Ok(Request::Help),
            Some(Arg::Long("version")) => return Ok(Request::Version),
            Some(Arg::Long("carriers")) => give("--carriers", "CARRIERS", value(&mut parser, "--carriers")?),
            Some(Arg::Long("strict")) => give("--strict", "STRICT", "1".into()),
            Some(Arg::Long("stats")) => {
                // Its value only ever follows a `=`: `--stats json` would run a command named json.
                let form = parser.optional_value().unwrap_or_else(|| "text".into());
                give("--stats", "STATS", not_empty(form, "--stats")?);
            }
            Some(Arg::Long("stats-file")) => {
                give("--stats-file", "STATS_FILE", absolute(value(&mut parser, "--stats-file")?)?);
            }
            Some(Arg::Long("log")) => give("--log", "LOG", value(&mut parser, "--log")?),
            Some(Arg::Short('q')) => give("-q", "LOG", "error".into()),
            Some(Arg::Value(_)) => {
                let rest = parser.raw_args().map_err(|e| e.to_string())?.count();
                let command = arguments[arguments.len() - rest - 1..].to_vec();
                return Ok(Request::Run { settings, command });
            }
            Some(other) => return Err(other.unexpected().to_string()),
            None => return Err("no command given".into()),
        }
    }
}

fn value(parser: &mut Parser, option: &str) -> Result<OsString, String> {
    let value = parser.value().map_err(|e| e.to_string())?;
    not_empty(value, option)
}

/// In a variable an empty value means "not set"; on the command line it is a mistake, such as an unset shell variable.
fn not_empty(value: OsString, option: &str) -> Result<OsString, String> {
    if value.is_empty() {
        return Err(format!("the value of {option} is empty"));
    }
    Ok(value)
}

/// The program may change its directory before it writes there.
fn absolute(path: OsString) -> Result<OsString, String> {
    if Path::new(&path).is_absolute() {
        return Ok(path);
    }
    let here = std::env::current_dir()
        .map_err(|e| format!("--stats-file {}: the current directory is not known: {e}", path.display()))?;
    Ok(PathBuf::into_os_string(here.join(path)))
}
