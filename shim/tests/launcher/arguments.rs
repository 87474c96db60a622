//! Options, their variables, and where they end.

use crate::support::{patchall, run};

/// The value of a variable in the command's environment.
fn variable(arguments: &[&str], environment: &[(&str, &str)], name: &str) -> Option<String> {
    let outcome = run(patchall().envs(environment.iter().copied()).args(arguments).arg("env"));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(outcome.err, "");
    let mut values = outcome.out.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix('='));
    let value = values.next().map(Into::into);
    assert_eq!(values.next(), None, "{name} is there twice");
    value
}

#[test]
fn every_option_sets_its_variable() {
    for (arguments, name, value) in [
        (&["--carriers", "3"][..], "PATCHALL_CARRIERS", "3"),
        (&["--carriers=1024"], "PATCHALL_CARRIERS", "1024"),
        (&["--strict"], "PATCHALL_STRICT", "1"),
        (&["--stats"], "PATCHALL_STATS", "text"),
        (&["--stats=json"], "PATCHALL_STATS", "json"),
        (&["--stats-file", "/a b"], "PATCHALL_STATS_FILE", "/a b"),
        (&["--log", "debug"], "PATCHALL_LOG", "debug"),
        (&["--log=off"], "PATCHALL_LOG", "off"),
        (&["-q"], "PATCHALL_LOG", "error"),
        (&["--carriers", "3", "--"], "PATCHALL_CARRIERS", "3"),
    ] {
        assert_eq!(variable(arguments, &[], name).as_deref(), Some(value), "{arguments:?}");
    }
}

#[test]
fn only_what_was_asked_for_is_set() {
    let outcome = run(patchall().arg("env"));
    let ours: Vec<_> = outcome.out.lines().filter(|l| l.starts_with("PATCHALL_")).collect();
    assert_eq!(ours, ["PATCHALL_LOG=warn"]);
}

#[test]
fn an_option_goes_before_its_variable_and_the_last_option_wins() {
    let set = [("PATCHALL_CARRIERS", "7"), ("PATCHALL_LOG", "info")];
    let name = "PATCHALL_CARRIERS";
    assert_eq!(variable(&[], &set, name).as_deref(), Some("7"));
    assert_eq!(variable(&["--carriers", "2"], &set, name).as_deref(), Some("2"));
    assert_eq!(variable(&["--carriers=2", "--carriers=4"], &set, name).as_deref(), Some("4"));
    assert_eq!(variable(&[], &set, "PATCHALL_LOG").as_deref(), Some("info"));
}

#[test]
fn a_relative_stats_file_does_not_depend_on_the_programs_directory() {
    let outcome = run(patchall().current_dir("/usr").args(["--stats-file", "s", "env"]));
    assert!(outcome.out.contains("PATCHALL_STATS_FILE=/usr/s\n"), "{outcome:?}");
}

#[test]
fn options_end_where_the_command_begins() {
    let outcome = run(patchall().args(["echo", "--carriers", "x", "--help", "-q", "--"]));
    assert_eq!(outcome.out, "--carriers x --help -q --\n");
    let outcome = run(patchall().args(["-q", "--", "echo", "--", "-n"]));
    assert_eq!(outcome.out, "-- -n\n");
    run(patchall().args(["--", "--help"])).refused(127, &["--help", "not found"]);
}

#[test]
fn a_wrong_command_line_runs_nothing() {
    let wrong: &[(&[&str], &[&str])] = &[
        (&[], &["no command given"]),
        (&["--"], &["no command given"]),
        (&["--strict"], &["no command given"]),
        (&["--fast", "echo", "ran"], &["--fast"]),
        (&["-x", "echo", "ran"], &["-x"]),
        (&["-", "echo"], &["not found"]),
        (&["--carriers"], &["--carriers"]),
        (&["--carriers", "0", "echo", "ran"], &["--carriers", "0", "1 to 1024"]),
        (&["--carriers", "two", "echo", "ran"], &["two", "1 to 1024"]),
        (&["--carriers", "1025", "echo", "ran"], &["1025"]),
        (&["--carriers=", "echo", "ran"], &["--carriers"]),
        (&["--strict=yes", "echo", "ran"], &["--strict"]),
        (&["--stats=xml", "echo", "ran"], &["xml", "text, json or off"]),
        (&["--stats=", "echo", "ran"], &["--stats"]),
        (&["--stats-file", "", "echo", "ran"], &["--stats-file"]),
        (&["--log", "loud", "echo", "ran"], &["loud", "warn"]),
        (&["-qx", "echo", "ran"], &["-x"]),
    ];
    for (arguments, words) in wrong {
        let outcome = run(patchall().args(*arguments));
        let code = if *arguments == ["-", "echo"] { 127 } else { 125 };
        outcome.refused(code, words);
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = run(patchall().args(["--strict", "--help", "false"]));
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    let widest = help.out.lines().map(str::len).max();
    assert!(widest <= Some(80), "{widest:?}");
    let version = run(patchall().arg("--version"));
    let expected = format!("patchall {}+", env!("CARGO_PKG_VERSION"));
    assert!(version.out.starts_with(&expected), "{version:?}");
}

#[test]
fn help_that_cannot_be_written_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = patchall().arg("--help").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
}

#[test]
fn bad_variables_are_told_once_and_the_defaults_hold() {
    let bad = [("PATCHALL_CARRIERS", "many"), ("PATCHALL_CARIERS", "2")];
    let nested = ["sh", "-c", "\"$0\" sh -c 'echo $PATCHALL_CARRIERS.'"];
    let outcome = run(patchall().envs(bad).args(nested).arg(crate::support::built()));
    assert_eq!((outcome.code, outcome.out.as_str()), (0, ".\n"), "{outcome:?}");
    outcome.one_line(&["PATCHALL_CARRIERS=many", "1 to 1024", "PATCHALL_CARIERS=2", "no such setting"]);
    let outcome = run(patchall().envs(bad).args(["--log", "off", "true"]));
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""), "log off means off");
}
