//! The library: where it is found, and what is wrong with it.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{LIBRARY, SHOW_C, Scratch, as_nobody, built, clean, is_root, run, set_mode};

#[test]
fn an_installed_copy_finds_its_library() {
    let scratch = Scratch::new();
    let show = scratch.compile("show", SHOW_C, &[]);
    let launcher = scratch.copy(built(), "bin/patchall", 0o755);
    let library = built().with_file_name(LIBRARY);
    let library = scratch.copy(library, &format!("lib/patchall/{LIBRARY}"), 0o644);
    let expected = format!("mapped {}\n", library.display());
    assert_eq!(run(clean(&launcher).arg(&show)).out, expected);
    // A link to the launcher is the launcher.
    let link = scratch.path("link");
    symlink(&launcher, &link).unwrap();
    assert_eq!(run(clean(&link).arg(&show)).out, expected);
}

#[test]
fn without_a_library_nothing_runs() {
    let scratch = Scratch::new();
    let launcher = scratch.copy(built(), "bin/patchall", 0o755);
    let missing = |launcher| run(clean(launcher).args(["echo", "ran"]));
    missing(&launcher).refused(125, &["bin/libpatchall_shim.so", "lib/patchall/libpatchall_shim.so", "cargo build"]);
    symlink("/no/such/file", launcher.with_file_name(LIBRARY)).unwrap();
    missing(&launcher).refused(125, &["No such file"]);
}

#[test]
fn a_path_that_the_loader_would_split_is_refused() {
    for (directory, word) in [("a b", "a space"), ("a:b", "a colon"), ("a$LIB", "a dollar sign")] {
        let scratch = Scratch::new();
        let launcher = scratch.copy_of_launcher(directory);
        let outcome = run(clean(launcher).args(["echo", "ran"]));
        outcome.refused(125, &[directory, word, "install.sh"]);
    }
}

#[test]
fn a_library_of_another_build_is_refused() {
    let scratch = Scratch::new();
    let launcher = scratch.copy_of_launcher("x");
    let library = launcher.with_file_name(LIBRARY);
    let mut bytes = fs::read(&library).unwrap();
    let own = format!("{}+", env!("CARGO_PKG_VERSION"));
    // The note: sizes, type, the name padded to 12 bytes, then the text.
    let name = b"\x01\0\0\0patchall\0\0\0\0";
    let note = bytes.windows(name.len()).position(|w| w == name).unwrap() + name.len();
    assert!(bytes[note..].starts_with(own.as_bytes()));
    bytes[note + own.len()] ^= 1;
    fs::write(&library, bytes).unwrap();
    run(clean(launcher).args(["echo", "ran"])).refused(125, &[&own, "this launcher is", "cargo build"]);
}

#[test]
fn what_is_no_library_of_ours_is_refused() {
    let scratch = Scratch::new();
    let launcher = scratch.copy_of_launcher("x");
    let library = launcher.with_file_name(LIBRARY);
    let libc = scratch.compile("foreign.so", "int x;", &["-shared", "-fPIC"]);
    for content in
        [b"".to_vec(), b"text".to_vec(), fs::read(libc).unwrap(), fs::read(&library).unwrap()[..5000].to_vec()]
    {
        fs::write(&library, content).unwrap();
        run(clean(&launcher).args(["echo", "ran"])).refused(125, &["libpatchall_shim.so", "cargo build"]);
    }
    fs::remove_file(&library).unwrap();
    fs::create_dir(&library).unwrap();
    run(clean(&launcher).args(["echo", "ran"])).refused(125, &["libpatchall_shim.so", "cannot use"]);
}

#[test]
fn an_unreadable_library_is_named() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let launcher = scratch.copy_of_launcher("x");
    set_mode(&launcher.with_file_name(LIBRARY), 0o700);
    let outcome = run(as_nobody(&mut clean(&launcher)).args(["echo", "ran"]));
    outcome.refused(125, &["libpatchall_shim.so", "Permission denied", "chmod"]);
}
