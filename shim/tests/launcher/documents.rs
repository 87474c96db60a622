//! The README and `--help` say of each setting what the table in the engine says.

use std::fs;

use patchall::config::{PREFIX, SETTINGS};

use crate::support::{patchall, run};

#[test]
fn the_readme_has_the_table_of_settings() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let rows = SETTINGS.iter().map(|s| {
        let option = s.option.map_or(String::new(), |o| format!("`{o}`"));
        format!("| {option} | `{PREFIX}{}` | {} | {} | {} |\n", s.name, s.values, s.default, s.doc)
    });
    let table: String = rows.collect();
    assert!(readme.contains(&table), "README.md should have these rows:\n{table}");
}

#[test]
fn help_names_every_setting_once_with_its_default() {
    let help = run(patchall().arg("--help")).out;
    let words: Vec<_> = help.split([' ', '\n', ':']).collect();
    for setting in SETTINGS {
        let variable = format!("{PREFIX}{}", setting.name);
        assert!(words.contains(&variable.as_str()), "{variable}");
        if let Some(option) = setting.option {
            assert!(help.contains(&format!("  {option}\n")), "{option}");
        }
    }
    assert_eq!(help.matches("[default:").count(), SETTINGS.len());
}
