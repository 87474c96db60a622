//! `known-failures.txt`: programs that are known not to agree with their native selves, with the reason for each.
//!
//! One that passes is an error, so the list cannot grow old; so is one that names no program.

use super::Failure;

/// A line of the list.
struct Known<'a> {
    program: &'a str,
    /// `None` stands for every count.
    carriers: Option<u32>,
    reason: &'a str,
}

const LIST: &str = include_str!("../known-failures.txt");

/// Why `program` fails with so many carriers, if that is known.
pub(super) fn reason(program: &str, carriers: u32) -> Result<Option<String>, Failure> {
    let lines = parse(LIST)?;
    let found = lines.iter().find(|line| line.program == program && line.carriers.is_none_or(|n| n == carriers));
    Ok(found.map(|line| line.reason.to_owned()))
}

fn parse(text: &str) -> Result<Vec<Known<'_>>, Failure> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            parse_line(line).ok_or_else(|| format!("known-failures.txt: \"{line}\": PROGRAM CARRIERS|* REASON"))
        })
        .collect()
}

fn parse_line(line: &str) -> Option<Known<'_>> {
    let (program, rest) = line.split_once(char::is_whitespace)?;
    let (carriers, reason) = rest.trim_start().split_once(char::is_whitespace)?;
    let carriers = if carriers == "*" { None } else { Some(carriers.parse().ok()?) };
    Some(Known { program, carriers, reason: reason.trim() })
}

#[test]
fn every_known_failure_names_a_program() {
    for line in parse(LIST).expect("the list can be read") {
        assert!(crate::programs::ALL.contains(&line.program), "known-failures.txt: there is no {}", line.program);
    }
}

#[test]
fn a_known_failure_has_a_reason() {
    assert!(parse("threads/x.c 2").is_err());
    assert!(parse("threads/x.c two because").is_err());
    let lines = parse("# head\n\nthreads/x.c * because of this\n").expect("well formed");
    assert_eq!((lines[0].carriers, lines[0].reason), (None, "because of this"));
}
