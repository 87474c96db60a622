//! Tests of the harness: with a library that is not patchall and does what a broken patchall would do, it goes red.

use std::path::Path;

use super::{Failure, Program, compile};

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/selftest").join(name)
}

/// The verdict on a program when `library.c` is preloaded instead of patchall, with one carrier.
fn verdict(program: &str, library: &str) -> Result<(), Failure> {
    let program = Program::load(&file(program))?;
    let library = compile::compile_library(&file(library))?;
    let native = program.run_natively()?;
    program.run_virtually(&library, 1, &native)
}

fn red(program: &str, library: &str, why: &str) {
    let failure = verdict(program, library).expect_err(why);
    assert!(failure.contains(why), "expected \"{why}\" in:\n{failure}");
}

#[test]
fn a_faithful_library_is_green() {
    verdict("hello.c", "faithful.c").expect("nothing differs");
}

#[test]
fn a_library_that_changes_the_output_is_red() {
    red("hello.c", "prints.c", "standard output differs in line 1");
}

#[test]
fn a_library_that_changes_the_exit_status_is_red() {
    red("hello.c", "exits.c", "exit status 3, natively exit status 0");
}

#[test]
fn a_library_that_reports_too_many_kernel_threads_is_red() {
    red("hello.c", "many_threads.c", "9 kernel threads, allowed are 4");
}

#[test]
fn a_library_that_lies_about_its_kernel_threads_is_red() {
    red("eight_threads.c", "faithful.c", "9 kernel threads were seen, allowed are 4");
}

#[test]
fn a_library_that_reports_nothing_is_red() {
    red("hello.c", "silent.c", "wrote no report");
}

#[test]
fn a_program_that_hangs_is_killed_and_described() {
    red("hello.c", "hangs.c", "not done after 1s");
}

#[test]
fn a_process_left_behind_is_red() {
    red("hello.c", "leaves_a_process.c", "left processes behind");
}

#[test]
fn a_native_run_that_ends_otherwise_than_declared_is_red() {
    let name = "exits_with_one.c";
    let failure = Program::load(&file(name)).and_then(|program| program.run_natively()).expect_err("it exits with 1");
    assert!(failure.contains("exit status 1, but its head says exit status 0"), "{failure}");
}

#[test]
fn a_program_that_does_not_compile_is_red() {
    let name = "does_not_compile.c";
    let failure = Program::load(&file(name)).err().expect("it cannot compile");
    assert!(failure.contains("does not compile"), "{failure}");
}
