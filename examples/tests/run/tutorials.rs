//! The examples of the README's tables: each prints what its head says, and the tables are complete.

use crate::expected::Expected;
use crate::ways::{Way, command, compile, examples, python, ways};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Rows of the tables, by tutorial.
const ROWS: [usize; 6] = [4, 6, 6, 5, 8, 1];

/// How many examples run at a time. Most of them sleep most of the time.
const AT_A_TIME: usize = 6;

/// Servers, and their clients.
const SERVERS: [&str; 2] = ["talk_server", "patched_server"];
const CLIENTS: &str = "talk_clients";

/// The compiled example in `rust/`.
fn built(name: &str) -> Vec<String> {
    // This program is target/<profile>/deps/run-<hash>; cargo test builds the examples before it runs this.
    let exe = std::env::current_exe().expect("the path of this program");
    let profile = exe.ancestors().nth(2).expect("the directory of the profile");
    let program = profile.join("examples").join(name);
    assert!(program.exists(), "{} is missing: cargo test -p patchall-examples builds it", program.display());
    vec![program.to_str().expect("a path in UTF-8").to_owned()]
}

/// The examples of one language: those whose heads say what they print.
fn sources(directory: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(examples().join(directory)).expect("read the directory of the examples");
    let mut found: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    let says = |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("```text"));
    found.retain(|path| path.extension().is_some_and(|e| e == extension) && (extension == "rs" || says(path)));
    found.sort();
    assert!(!found.is_empty());
    found
}

fn name(source: &Path) -> &str {
    source.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8")
}

/// What is wrong with what an example printed, if anything.
fn complaint(source: &Path, way: &Way, printed: &str) -> Option<String> {
    let expected = Expected::of(source);
    let wanted = expected.lines.join("\n");
    let complain = || format!("{} ({way:?}) printed\n{printed}\nnot\n{wanted}\n", source.display());
    (!expected.agrees_with(printed)).then(complain)
}

/// Runs a program and compares. Nothing may come on stderr.
fn check(source: &Path, way: &Way, program: &[String]) -> Option<String> {
    let done = command(way, program, &[]).stderr(Stdio::piped()).output().expect("run timeout(1)");
    let (printed, errors) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    if !done.status.success() || !errors.is_empty() {
        return Some(format!("{} ({way:?}): {}\n{printed}\n{errors}", source.display(), done.status));
    }
    complaint(source, way, &printed)
}

/// Runs several at a time, each in the given ways.
fn check_all(programs: Vec<(PathBuf, Vec<String>)>, ways: &[Way]) {
    let runs: Vec<_> = programs.iter().flat_map(|program| ways.iter().map(move |way| (program, way))).collect();
    let mut complaints = Vec::new();
    for some in runs.chunks(AT_A_TIME) {
        std::thread::scope(|s| {
            let start = |((source, program), way): &(&(PathBuf, Vec<String>), &Way)| {
                let (source, program, way) = (source.clone(), program.clone(), (*way).clone());
                s.spawn(move || check(&source, &way, &program))
            };
            let running: Vec<_> = some.iter().map(start).collect();
            complaints.extend(running.into_iter().filter_map(|run| run.join().expect("a thread of the test")));
        });
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn examples_with_the_crate_print_what_their_heads_say() {
    let alone = |source: &PathBuf| !SERVERS.contains(&name(source)) && name(source) != CLIENTS;
    let programs = sources("rust", "rs").into_iter().filter(alone).map(|source| {
        let program = built(name(&source));
        (source, program)
    });
    // Under the launcher it is never too late.
    let (late, others) = programs.partition(|(source, _)| name(source) == "patch_off_on_late");
    check_all(late, &[Way::Native]);
    check_all(others, &ways());
}

#[test]
fn python_examples_print_what_their_heads_say() {
    let programs = sources(".", "py").into_iter().map(|source| {
        let program = python(&format!("{}.py", name(&source)));
        (source, program)
    });
    check_all(programs.collect(), &ways());
}

#[test]
fn c_examples_print_what_their_heads_say() {
    let programs = sources(".", "c").into_iter().map(|source| {
        let program = vec![compile("tutorials", name(&source))];
        (source, program)
    });
    check_all(programs.collect(), &ways());
}

/// Starts a server, and has 500 clients talk to it.
fn talk(server: &str, way: &Way) {
    let mut serving = command(way, &built(server), &["0", "500"]).spawn().expect("run timeout(1)");
    let mut output = BufReader::new(serving.stdout.take().expect("a pipe from the server"));
    let mut said = String::new();
    output.read_line(&mut said).expect("read from the server");
    let port = said.trim_end().rsplit(' ').next().unwrap_or_default().to_owned();
    // It would wait for a reader when the pipe is full.
    let rest = std::thread::spawn(move || {
        let mut rest = String::new();
        output.read_to_string(&mut rest).map(|_| rest)
    });

    let done = command(way, &built(CLIENTS), &[&port]).output().expect("run timeout(1)");
    assert!(done.status.success(), "{}", done.status);
    let answers = String::from_utf8_lossy(&done.stdout);
    assert_eq!(complaint(&examples().join(format!("rust/{CLIENTS}.rs")), way, &answers), None);

    said += &rest.join().expect("a thread of the test").expect("read from the server");
    assert!(serving.wait().expect("wait for the server").success(), "the server failed\n{said}");
    assert_eq!(complaint(&examples().join(format!("rust/{server}.rs")), way, &said), None);
}

#[test]
fn a_coroutine_for_each_client_answers_500_clients() {
    for way in ways() {
        for server in SERVERS {
            talk(server, &way);
        }
    }
}

struct Row {
    tutorial: usize,
    text: String,
    /// What it links to.
    files: Vec<PathBuf>,
    /// Lines of the output, as its last column has them.
    prints: Vec<String>,
}

/// The rows below the headings `### 1.` and so on.
fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(examples().join("README.md")).expect("read README.md");
    let mut rows = Vec::new();
    let mut tutorial = None;
    for line in text.lines() {
        if line.starts_with("## ") {
            tutorial = None;
        } else if let Some(title) = line.strip_prefix("### ") {
            tutorial = title.split_once('.').and_then(|(number, _)| number.parse::<usize>().ok());
        } else if let (Some(tutorial), Some(row)) = (tutorial, line.strip_prefix("| ")) {
            let columns: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
            if let [heading, links, prints] = columns[..]
                && heading != "program"
            {
                let files = links.split("](").skip(1).map(|link| link.split(')').next().unwrap_or_default());
                let files = files.map(|file| examples().join(file)).collect();
                let prints = prints.split('`').skip(1).step_by(2).map(str::to_owned).collect();
                rows.push(Row { tutorial, text: line.to_owned(), files, prints });
            }
        }
    }
    rows
}

#[test]
fn every_program_of_the_tutorials_has_a_row_with_its_file_and_its_output() {
    let rows = rows();
    for (i, wanted) in ROWS.iter().enumerate() {
        let found = rows.iter().filter(|row| row.tutorial == i + 1).count();
        assert_eq!(found, *wanted, "rows of tutorial {}", i + 1);
    }
    for row in &rows {
        assert!(!row.files.is_empty(), "no example: {}", row.text);
        assert!(!row.prints.is_empty(), "no output: {}", row.text);
        for file in &row.files {
            assert!(file.exists(), "{} is missing: {}", file.display(), row.text);
        }
        let expected = Expected::of(&row.files[0]).lines;
        let mut lines = expected.iter();
        for line in &row.prints {
            assert!(lines.any(|l| l == line), "the example's head does not have {line:?} there: {}", row.text);
        }
    }
}

#[test]
fn every_example_has_a_row_and_is_built() {
    let manifest = std::fs::read_to_string(examples().join("Cargo.toml")).expect("read Cargo.toml");
    let files: Vec<PathBuf> = rows().into_iter().flat_map(|row| row.files).collect();
    let sources = [sources("rust", "rs"), sources(".", "py"), sources(".", "c")].concat();
    for source in sources {
        let same = |file: &&PathBuf| file.file_name() == source.file_name();
        assert!(files.iter().any(|file| same(&file)), "{} has no row in README.md", source.display());
        let listed = format!("path = \"rust/{}.rs\"", name(&source));
        let is_rust = source.extension().is_some_and(|e| e == "rs");
        assert!(!is_rust || manifest.contains(&listed), "{} is not listed in Cargo.toml", source.display());
    }
}
