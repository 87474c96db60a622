//! Programs into which nothing can be preloaded: named before they run, refused under `--strict`.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chown;
use std::path::Path;

use crate::support::{NOBODY, SHOW_C, Scratch, as_nobody, clean, is_root, patchall, run, set_mode};

/// The program runs natively, with one line that says why; not a word with `-q`; and 125 under `--strict`.
#[track_caller]
fn runs_natively(program: &Path, words: &[&str]) -> String {
    let outcome = run(patchall().arg(program));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.out.starts_with("native"), "{outcome:?}");
    outcome.one_line(words);
    outcome.one_line(&["natively", &program.display().to_string()]);
    for quiet in [&["-q"][..], &["--log", "off"], &["--log", "error"]] {
        let outcome = run(patchall().args(quiet).arg(program));
        assert_eq!((outcome.code, outcome.err.as_str()), (0, ""), "{quiet:?}");
    }
    let outcome = run(patchall().arg("--strict").arg(program));
    outcome.refused(125, words);
    outcome.one_line(&["--strict"]);
    run(patchall().args(["--strict", "-q"]).arg(program)).refused(125, words);
    let outcome = run(patchall().env("PATCHALL_STRICT", "1").arg(program));
    outcome.refused(125, words);
    outcome_of_plain_run(program)
}

fn outcome_of_plain_run(program: &Path) -> String {
    run(patchall().arg(program)).out
}

#[test]
fn static_programs() {
    let scratch = Scratch::new();
    let program = scratch.compile("static", SHOW_C, &["-static"]);
    let out = runs_natively(&program, &["statically linked"]);
    assert!(out.contains("libpatchall_shim.so"), "the programs that it starts can have the library: {out}");
    let program = scratch.compile("static-pie", SHOW_C, &["-static-pie"]);
    runs_natively(&program, &["static-pie"]);
}

#[test]
fn a_program_that_links_no_library() {
    // Loaded by glibc's loader, as a Go program without cgo may be: it makes its threads by itself.
    let scratch = Scratch::new();
    let source = r#"
        static long call(long n, long a, long b, long c) {
            __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
            return n;
        }
        void _start(void) { call(1, 1, (long)"native\n", 7); call(231, 0, 0, 0); }
    "#;
    let program =
        scratch.compile("alone", source, &["-nostdlib", "-pie", "-Wl,--dynamic-linker=/lib64/ld-linux-x86-64.so.2"]);
    runs_natively(&program, &["linked to no library"]);
}

#[test]
fn a_static_interpreter_behind_a_script() {
    let scratch = Scratch::new();
    let program = scratch.compile("static", SHOW_C, &["-static"]);
    let script = scratch.file("script", format!("#!{}\n", program.display()), 0o755);
    let outcome = run(patchall().arg(&script));
    assert_eq!(outcome.code, 0);
    outcome.one_line(&["static: statically linked"]);
    run(patchall().arg("--strict").arg(&script)).refused(125, &["static: statically linked"]);
}

#[test]
fn a_musl_program_is_left_untouched() {
    // glibc's loader under musl's name: the launcher goes by the name in PT_INTERP, and the program can run here.
    let scratch = Scratch::new();
    let loader = scratch.copy("/lib64/ld-linux-x86-64.so.2", "ld-musl-x86_64.so.1", 0o755);
    let flag = format!("-Wl,--dynamic-linker={}", loader.display());
    let program = scratch.compile("musl", SHOW_C, &[&flag]);
    assert_eq!(runs_natively(&program, &["musl"]), "native -\n");
    let other = scratch.copy(&loader, "ld-other.so", 0o755);
    let flag = format!("-Wl,--dynamic-linker={}", other.display());
    let program = scratch.compile("other", SHOW_C, &[&flag]);
    assert_eq!(runs_natively(&program, &["ld-other.so", "not glibc's"]), "native -\n");
}

#[test]
fn programs_built_with_sanitizers() {
    let scratch = Scratch::new();
    for (flag, name) in [("-fsanitize=address", "AddressSanitizer"), ("-fsanitize=thread", "ThreadSanitizer")] {
        let program = scratch.compile(name, SHOW_C, &[flag]);
        runs_natively(&program, &[name]);
    }
}

#[test]
fn a_missing_loader_is_named() {
    let scratch = Scratch::new();
    let program = scratch.compile("lost", SHOW_C, &["-Wl,--dynamic-linker=/no/ld-linux-x86-64.so.2"]);
    run(patchall().arg(program)).refused(126, &["lost", "/no/ld-linux-x86-64.so.2"]);
}

#[test]
fn glibc_in_another_place_and_the_loader_as_a_program_are_no_obstacle() {
    let scratch = Scratch::new();
    let loader = scratch.copy("/lib64/ld-linux-x86-64.so.2", "glibc/ld-linux-x86-64.so.2", 0o755);
    let flag = format!("-Wl,--dynamic-linker={}", loader.display());
    let program = scratch.compile("show", SHOW_C, &[&flag]);
    for command in [vec![&program], vec![&loader, &program]] {
        let outcome = run(patchall().arg("--strict").args(command));
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(outcome.out.starts_with("mapped"), "{outcome:?}");
    }
}

/// An ELF header and no more.
fn header(class: u8, machine: u16) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1, 1]);
    bytes[16] = 2; // ET_EXEC
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[20] = 1; // EV_CURRENT
    bytes[if class == 2 { 52 } else { 40 }] = if class == 2 { 64 } else { 52 }; // e_ehsize
    bytes
}

#[test]
fn programs_for_other_machines() {
    for (class, machine, word) in
        [(2, 183, "AARCH64"), (2, 243, "RISCV"), (1, 40, "ARM"), (1, 3, "32-bit"), (1, 62, "x32")]
    {
        let scratch = Scratch::new();
        let program = scratch.file("foreign", header(class, machine), 0o755);
        run(patchall().arg("--strict").arg(&program)).refused(125, &["foreign", word]);
        let outcome = run(patchall().arg(&program));
        assert_eq!((outcome.code, outcome.out.as_str()), (126, ""), "{outcome:?}");
        let lines: Vec<_> = outcome.err.lines().collect();
        assert_eq!(lines.len(), 2, "{outcome:?}");
        assert!(lines[0].contains(word) && lines[1].contains("cannot execute"), "{outcome:?}");
        run(patchall().arg("-q").arg(&program)).refused(126, &["cannot execute", "foreign"]);
    }
}

#[test]
fn a_damaged_program_is_left_to_the_kernel() {
    let scratch = Scratch::new();
    for content in [b"\x7fELF".to_vec(), header(2, 62)[..40].to_vec(), header(9, 62)] {
        let program = scratch.file("damaged", content, 0o755);
        run(patchall().arg("-q").arg(&program)).refused(126, &["cannot execute", "damaged"]);
        run(patchall().arg("--strict").arg(&program)).refused(125, &["damaged", "ELF"]);
    }
}

#[test]
fn setuid_and_setgid_programs() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let show = scratch.compile("show", SHOW_C, &[]);
    let with = |name: &str, user, group, mode| {
        let path = scratch.copy(&show, name, 0o755);
        chown(&path, Some(user), Some(group)).unwrap();
        set_mode(&path, mode);
        path
    };
    runs_natively(&with("setuid", NOBODY, 0, 0o4755), &["setuid", "65534"]);
    runs_natively(&with("setgid", 0, NOBODY, 0o2755), &["setgid", "65534"]);
    // These gain nothing, and the loader preloads as usual.
    for path in [with("own", 0, 0, 0o6755), with("locking", 0, NOBODY, 0o2745)] {
        let outcome = run(patchall().arg("--strict").arg(path));
        assert!(outcome.out.starts_with("mapped"), "{outcome:?}");
    }
}

#[test]
fn programs_with_file_capabilities() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let launcher = scratch.copy_of_launcher("x");
    let program = scratch.compile("capable", SHOW_C, &[]);
    // `struct vfs_cap_data`, revision 2, effective, CAP_NET_RAW (13) permitted.
    let words: [u32; 5] = [0x0200_0001, 1 << 13, 0, 0, 0];
    let data: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    let name = CString::new(program.as_os_str().as_bytes()).unwrap();
    // SAFETY: setxattr(2) wants two C strings and the value with its length.
    let set =
        unsafe { libc::setxattr(name.as_ptr(), c"security.capability".as_ptr(), data.as_ptr().cast(), data.len(), 0) };
    assert_eq!(set, 0, "this file system cannot hold capabilities: {}", std::io::Error::last_os_error());
    let outcome = run(as_nobody(&mut clean(&launcher)).arg(&program));
    assert!(outcome.out.starts_with("native"), "{outcome:?}");
    outcome.one_line(&["file capabilities", "natively"]);
    let outcome = run(as_nobody(&mut clean(&launcher)).arg("--strict").arg(&program));
    outcome.refused(125, &["file capabilities"]);
    // Root has them all and gains nothing.
    let outcome = run(clean(&launcher).arg("--strict").arg(&program));
    assert!(outcome.out.starts_with("mapped"), "{outcome:?}");
}

#[test]
fn a_program_that_may_be_run_but_not_read() {
    if !is_root() {
        return;
    }
    let scratch = Scratch::new();
    let launcher = scratch.copy_of_launcher("x");
    let program = scratch.compile("secret", SHOW_C, &[]);
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let outcome = run(as_nobody(&mut clean(&launcher)).arg(&program));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.one_line(&["secret", "cannot be inspected", "Permission denied"]);
    let outcome = run(as_nobody(&mut clean(&launcher)).arg("--strict").arg(&program));
    outcome.refused(125, &["cannot be inspected"]);
}
