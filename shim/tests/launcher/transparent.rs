//! The program gets what it would get without the launcher: pid, signals, descriptors, the search for it, exit status.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::support::{LIBRARY, SHOW_C, Scratch, built, clean, patchall, run};

/// Runs a command both ways, with the same preparation, and wants the same outcome.
#[track_caller]
fn same(command: &[&str], prepare: impl Fn(&mut Command)) {
    let mut native = clean(command[0]);
    let mut ours = patchall();
    ours.arg(command[0]);
    let [native, ours] = [&mut native, &mut ours].map(|c| {
        c.args(&command[1..]);
        prepare(c);
        run(c)
    });
    assert_eq!(ours, native);
}

#[test]
fn the_library_is_preloaded() {
    let scratch = Scratch::new();
    let show = scratch.compile("show", SHOW_C, &[]);
    let outcome = run(patchall().arg(show));
    let library = built().with_file_name(LIBRARY);
    assert_eq!(outcome.out, format!("mapped {}\n", library.display()));
    assert_eq!(outcome.err, "");
}

#[test]
fn exit_status_and_death_by_signal_are_the_programs_own() {
    same(&["sh", "-c", "exit 42"], |_| {});
    same(&["sh", "-c", "kill -TERM $$"], |_| {});
}

#[test]
fn the_program_has_the_launchers_pid() {
    let child = patchall().args(["sh", "-c", "echo $$"]).stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{pid}\n"));
}

#[test]
fn ignored_and_blocked_signals_are_handed_on() {
    let command = ["grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"];
    same(&command, |c| {
        let prepare = || {
            // SAFETY: both are async-signal-safe, and all zeroes is a valid set of signals.
            unsafe {
                libc::signal(libc::SIGPIPE, libc::SIG_IGN);
                let mut set = std::mem::zeroed();
                libc::sigaddset(&mut set, libc::SIGUSR1);
                libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            }
            Ok(())
        };
        // SAFETY: the closure calls only async-signal-safe functions.
        unsafe { c.pre_exec(prepare) };
    });
    // With something to prepare std forks; posix_spawn would leave traces of its own in the ignored signals.
    same(&command, |c| {
        // SAFETY: the closure does nothing.
        unsafe { c.pre_exec(|| Ok(())) };
    });
}

#[test]
fn closed_descriptors_stay_closed() {
    same(&["sh", "-c", "for n in 0 1 2 3 4 5 6; do [ -e /proc/self/fd/$n ] && echo $n >&2; done"], |c| {
        // SAFETY: close(2) is async-signal-safe.
        unsafe {
            c.pre_exec(|| {
                libc::close(0);
                libc::close(1);
                Ok(())
            })
        };
    });
}

#[test]
fn other_variables_are_handed_on_as_they_are() {
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    let output = patchall().env("ODD", odd).env("EMPTY", "").args(["env", "-0"]).output().unwrap();
    let entries: Vec<_> = output.stdout.split(|&b| b == 0).collect();
    assert!(entries.contains(&b"ODD=\xff\xfe".as_slice()));
    assert!(entries.contains(&b"EMPTY=".as_slice()));
}

#[test]
fn what_is_preloaded_already_stays_and_ours_comes_last() {
    let scratch = Scratch::new();
    let other = scratch.compile("other.so", "int other;", &["-shared", "-fPIC"]);
    let library = built().with_file_name(LIBRARY);
    let expected = format!("LD_PRELOAD={}:{}\n", other.display(), library.display());
    let outcome = run(patchall().env("LD_PRELOAD", &other).arg("env"));
    assert!(outcome.out.contains(&expected), "{outcome:?}");
    // Patchall under patchall adds nothing.
    let outcome = run(patchall().env("LD_PRELOAD", &other).arg(built()).arg("env"));
    assert!(outcome.out.contains(&expected), "{outcome:?}");
}

#[test]
fn tunables_stay_and_rseq_is_switched_off() {
    for (given, expected) in [
        (None, "glibc.pthread.rseq=0"),
        (Some("glibc.malloc.check=0"), "glibc.malloc.check=0:glibc.pthread.rseq=0"),
        (Some("glibc.pthread.rseq=0"), "glibc.pthread.rseq=0"),
    ] {
        let outcome = run(patchall().envs(given.map(|g| ("GLIBC_TUNABLES", g))).arg("env"));
        assert!(outcome.out.contains(&format!("GLIBC_TUNABLES={expected}\n")), "{outcome:?}");
    }
}

#[test]
fn the_command_is_searched_as_a_shell_does() {
    let scratch = Scratch::new();
    scratch.file("no/tool", "#!/bin/sh\necho wrong", 0o644);
    scratch.file("a/tool", "#!/bin/sh\necho right", 0o755);
    scratch.file("b/tool", "#!/bin/sh\necho late", 0o755);
    let path = |names: &[&str]| {
        let paths: Vec<_> = names.iter().map(|n| scratch.path(n).display().to_string()).collect();
        paths.join(":")
    };
    let search = |names: &[&str]| run(patchall().env("PATH", path(names)).arg("tool"));
    assert_eq!(search(&["missing", "no", "a", "b"]).out, "right\n");
    search(&["no", "missing"]).refused(126, &["no/tool", "Permission denied"]);
    search(&["missing"]).refused(127, &["tool", "not found"]);
    let outcome = run(patchall().env("PATH", "").current_dir(scratch.path("a")).arg("tool"));
    assert_eq!(outcome.out, "right\n", "an empty element is the current directory");
    assert_eq!(run(patchall().env_remove("PATH").arg("true")).code, 0);
}

#[test]
fn commands_that_are_not_there_are_127_and_those_that_cannot_run_126() {
    let scratch = Scratch::new();
    let plain = scratch.file("plain", "text", 0o644);
    run(patchall().arg("")).refused(127, &["not found"]);
    run(patchall().arg("no-such-command")).refused(127, &["no-such-command", "not found"]);
    run(patchall().arg("/no/such/file")).refused(127, &["/no/such/file", "no such file"]);
    run(patchall().arg(plain.join("below"))).refused(127, &["no such file"]);
    run(patchall().arg("/usr")).refused(126, &["/usr", "directory"]);
    run(patchall().arg(&plain)).refused(126, &["plain", "Permission denied"]);
    run(patchall().args(["-q", "--", "/usr"])).refused(126, &["directory"]);
}

#[test]
fn a_file_without_a_format_is_run_by_the_shell() {
    let scratch = Scratch::new();
    let script = scratch.file("script", "echo \"$0\" \"$@\"; grep -c libpatchall_shim /proc/$$/maps >&2", 0o755);
    let outcome = run(patchall().arg(&script).args(["a", "b c"]));
    assert_eq!(outcome.out, format!("{} a b c\n", script.display()));
    assert_ne!(outcome.err.trim(), "0", "the shell has not got the library");
    let empty = scratch.file("empty", "", 0o755);
    assert_eq!(run(patchall().arg(empty)).code, 0);
}

#[test]
fn interpreters_are_followed() {
    let scratch = Scratch::new();
    let script =
        |name: &str, line: &str| scratch.file(name, format!("#!{line}\necho {name} $1\n"), 0o755).display().to_string();
    let one = script("one", "/bin/sh");
    let two = script("two", &format!("  {one} x"));
    assert_eq!(run(patchall().args(["--strict", &two])).out, "one x\n");
    let lost = script("lost", "/no/such/interpreter -x");
    run(patchall().arg(&lost)).refused(126, &["lost", "/no/such/interpreter"]);
    let circle = scratch.path("circle").display().to_string();
    script("circle", &circle);
    run(patchall().arg(&circle)).refused(126, &["circle"]);
}
