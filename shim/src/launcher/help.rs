//! The text of `--help`, made from the table of settings.

use std::fmt::Write;

use patchall::config::{PREFIX, SETTINGS, Setting};

/// What `patchall --help` prints.
pub(super) fn text() -> String {
    let mut text = String::from(
        "\
Usage: patchall [OPTIONS] [--] COMMAND [ARGUMENTS..]

Runs COMMAND, a dynamically linked program, with its POSIX threads as virtual
threads: coroutines on a few OS threads. Options end where COMMAND begins.

Options (each is also a variable, for use with a bare LD_PRELOAD):
",
    );
    for setting in SETTINGS {
        if let Some(option) = setting.option {
            row(&mut text, option, setting, true);
        }
        if setting.name == "LOG" {
            text.push_str("  -q\n      the same as --log error\n");
        }
    }
    text.push_str(
        "  --help, --version
      print this, or the version, to stdout

Variables without an option:
",
    );
    for setting in SETTINGS.iter().filter(|s| s.option.is_none()) {
        row(&mut text, &format!("{PREFIX}{}", setting.name), setting, false);
    }
    text.push_str(
        "
An option goes before its variable. A variable with a bad value is named once
on stderr and its default holds; a bad option ends patchall.

Exit status: that of COMMAND; 125 when patchall itself fails, 126 when COMMAND
cannot be executed, 127 when it is not found.
",
    );
    text
}

fn row(text: &mut String, title: &str, setting: &Setting, with_variable: bool) {
    let Setting { name, values, default, doc, .. } = setting;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {title}");
    for line in wrap(doc) {
        let _ = writeln!(text, "      {line}");
    }
    let variable = if with_variable { format!("{PREFIX}{name}: ") } else { String::new() };
    for line in wrap(&format!("{variable}{values} [default: {default}]")) {
        let _ = writeln!(text, "      {line}");
    }
}

/// Breaks a text into lines for a terminal of 80 columns, less the indent.
fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= 72 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}
