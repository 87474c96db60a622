//! Lists the test programs: every file `programs/<area>/<name>.{c,cc,rs,py}` becomes one `program!` line.
//!
//! A file with another ending (but a header, `.h`), a name that is no identifier or a second program of the same name
//! stops the build: nothing may lie in the directory and not be run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=programs");
    let mut list = String::new();
    let mut paths = Vec::new();
    for (area, directory) in entries(Path::new("programs")) {
        if directory.is_file() {
            assert!(area.ends_with(".h"), "programs/{area}: programs stand in a directory of their area");
            continue;
        }
        assert!(is_identifier(&area), "programs/{area}: an area is named in lower case letters, digits and '_'");
        writeln!(list, "mod {area} {{").expect("a string takes all");
        let mut seen = BTreeMap::new();
        for (file, path) in entries(&directory) {
            let (stem, ending) = file.split_once('.').unwrap_or((&file, ""));
            match ending {
                "h" => continue,
                "c" | "cc" | "rs" | "py" => {}
                _ => panic!("{}: not a program that the harness can run (.c .cc .rs .py)", path.display()),
            }
            assert!(
                is_identifier(stem),
                "{}: a program is named in lower case letters, digits and '_'",
                path.display()
            );
            if let Some(other) = seen.insert(stem.to_owned(), file.clone()) {
                panic!("programs/{area}: {other} and {file} would be one test");
            }
            writeln!(list, "    program!({stem}, \"{area}/{file}\");").expect("a string takes all");
            paths.push(format!("{area}/{file}"));
        }
        list.push_str("}\n");
    }
    // For the checks that speak of all programs, e.g. that a known failure names one.
    writeln!(list, "pub(crate) const ALL: &[&str] = &{paths:?};").expect("a string takes all");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("programs.rs"), list).expect("OUT_DIR can be written");
}

/// The entries of a directory, sorted, without what editors and Python leave behind.
fn entries(directory: &Path) -> BTreeMap<String, std::path::PathBuf> {
    fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("a directory entry can be read"))
        .map(|entry| (entry.file_name().into_string().expect("names are UTF-8"), entry.path()))
        .filter(|(name, _)| !name.starts_with('.') && !name.starts_with("__pycache__") && !name.ends_with('~'))
        .collect()
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
