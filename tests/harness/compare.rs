//! Compares two runs by all that can be seen from outside: how the process ended and what it printed.

use super::Failure;
use super::options::{Options, Stderr};
use super::run::Outcome;

/// The program ended as its head says, and printed on standard error what its head says.
pub(super) fn ends_as_declared(outcome: &Outcome, options: &Options) -> Result<(), Failure> {
    if outcome.status != options.exit {
        return Err(format!("{}, but its head says {}\n{}", outcome.status, options.exit, output(outcome)));
    }
    contains_declared_text(outcome, options)
}

/// The run under patchall cannot be told from the native one.
pub(super) fn same(native: &Outcome, other: &Outcome, options: &Options) -> Result<(), Failure> {
    if native.status != other.status {
        return Err(format!("{}, natively {}\n{}", other.status, native.status, output(other)));
    }
    if let Some(difference) = first_difference(&native.stdout, &other.stdout) {
        return Err(format!("standard output differs in {difference}\n{}", output(other)));
    }
    if options.stderr == Stderr::Same
        && let Some(difference) = first_difference(&native.stderr, &other.stderr)
    {
        return Err(format!("standard error differs in {difference}\n{}", output(other)));
    }
    contains_declared_text(other, options)
}

fn contains_declared_text(outcome: &Outcome, options: &Options) -> Result<(), Failure> {
    match &options.stderr {
        Stderr::Contains(text) if !String::from_utf8_lossy(&outcome.stderr).contains(text) => {
            Err(format!("\"{text}\" is missing on standard error\n{}", output(outcome)))
        }
        _ => Ok(()),
    }
}

fn output(outcome: &Outcome) -> String {
    let stream = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(8192)]).into_owned();
    format!("--- stdout\n{}\n--- stderr\n{}", stream(&outcome.stdout), stream(&outcome.stderr))
}

/// The first line in which two outputs differ, with both versions.
fn first_difference(native: &[u8], other: &[u8]) -> Option<String> {
    if native == other {
        return None;
    }
    let lines = |bytes: &[u8]| {
        bytes.split_inclusive(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    };
    let (native, other): (Vec<String>, Vec<String>) = (lines(native), lines(other));
    let at = (0..).find(|i| native.get(*i) != other.get(*i)).expect("they differ somewhere");
    let show = |line: Option<&String>| line.map_or("the end".into(), |line| format!("{line:?}"));
    Some(format!("line {}: natively {}, now {}", at + 1, show(native.get(at)), show(other.get(at))))
}

#[test]
fn the_first_differing_line_is_named() {
    assert_eq!(first_difference(b"a\nb\n", b"a\nb\n"), None);
    let difference = first_difference(b"a\nb\n", b"a\nc\n").expect("b is not c");
    assert_eq!(difference, r#"line 2: natively "b\n", now "c\n""#);
    let difference = first_difference(b"a\n", b"a\nc\n").expect("one is longer");
    assert_eq!(difference, r#"line 2: natively the end, now "c\n""#);
    assert!(first_difference(b"a\n", b"a").is_some());
}
