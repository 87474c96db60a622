//! The table against the kernel's headers, the entry's map and the document.

use super::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn called(name: &str) -> &'static Call {
    CALLS.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no row for {name}"))
}

#[test]
fn every_number_of_the_kernels_headers_has_its_row() {
    let places = ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"];
    let header = places.iter().find_map(|p| std::fs::read_to_string(p).ok());
    let header = header.expect("the kernel's headers are not installed (Debian: linux-libc-dev)");
    let mut seen = 0;
    for line in header.lines() {
        let mut words = line.strip_prefix("#define __NR_").unwrap_or("").split_whitespace();
        let (Some(name), Some(Ok(number))) = (words.next(), words.next().map(str::parse::<usize>)) else { continue };
        let row = CALLS.iter().find(|c| c.number == number);
        assert_eq!(row.map(|c| c.name), Some(name), "number {number}: add a row to abi/table.rs");
        seen += 1;
    }
    assert!(seen > 300, "the header has {seen} numbers only");
}

#[test]
fn the_dispatcher_serves_what_the_table_says() {
    for c in CALLS {
        assert_eq!(c.step.is_none(), matches!(c.class, Class::Passthrough(_)), "{}", c.name);
        assert_eq!(is_virtual(c.number), c.step.is_some(), "{}", c.name);
        if let Some(step) = c.step {
            let row = row(c.number);
            assert_eq!((name(c.number), row.step as usize, row.restart), (c.name, step as usize, c.restart));
        }
    }
    // What the entry looks at.
    virtualise(true);
    for (n, flag) in arch::VIRTUAL.iter().enumerate() {
        let on = flag.load(Relaxed) != 0;
        assert_eq!(on, CALLS.iter().any(|c| c.number == n && c.step.is_some()), "number {n}");
    }
    virtualise(false);
}

impl Class {
    fn word(self) -> &'static str {
        match self {
            Class::Cooperative => "cooperative",
            Class::Offloaded => "offloaded",
            Class::Virtualised => "virtualised",
            Class::Passthrough(_) => "passthrough",
            Class::Refused => "refused",
        }
    }
}

impl Why {
    fn words(self) -> &'static str {
        match self {
            Why::Prompt => "does not wait",
            Why::Memory => "memory, which threads share; waits for pages at most",
            Why::Process => "of the process as a whole",
            Why::Disk => "waits for a disk or a file system only",
            Why::System => "of the system as a whole",
            Why::OsThread => "of the OS thread: see LIMITATIONS.md",
            Why::Absent => "the kernel has none",
        }
    }
}

const HEAD: &str = "\
# System calls

What becomes of each system call of x86-64 when a program's threads are virtual. Made from `runtime/src/abi/table.rs`, from
which the dispatcher is made, too; `PATCHALL_RENDER=1 cargo test -p patchall --lib table` writes it anew.

| class | |
|---|---|
| cooperative | it would block; the thread parks and others run |
| offloaded | it can only block in the kernel: an OS thread beside the carriers makes it while the thread is parked |
| virtualised | it does not block; what it is about is kept for the virtual thread |
| passthrough | it goes to the kernel as it is, for the reason given |
| refused | it has no right answer; ENOSYS |

A number that is not listed goes to the kernel as it is. Calls of a process that has one thread go to the kernel where there is
nothing to keep. `SA_RESTART`: the call goes on after a handler that was installed with this flag (signal(7)); without the
mark it ends with EINTR, or does not wait.

";

fn rendered() -> String {
    let mut counts = BTreeMap::new();
    for c in CALLS {
        *counts.entry(c.class.word()).or_insert(0) += 1;
    }
    let mut out = HEAD.to_owned();
    let counts: Vec<_> = counts.iter().map(|(class, n)| format!("{n} {class}")).collect();
    writeln!(out, "{} calls: {}.\n", CALLS.len(), counts.join(", ")).unwrap();
    out.push_str("| number | call | class | SA_RESTART | why |\n|---:|---|---|---|---|\n");
    for c in CALLS {
        let why = if let Class::Passthrough(why) = c.class { why.words() } else { c.why };
        let restart = if c.restart == Flag { "yes" } else { "" };
        writeln!(out, "| {} | {} | {} | {restart} | {why} |", c.number, c.name, c.class.word()).unwrap();
    }
    out
}

#[test]
fn the_document_is_the_table() {
    let at: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../SYSCALLS.md");
    if std::env::var_os("PATCHALL_RENDER").is_some() {
        std::fs::write(&at, rendered()).unwrap();
    }
    let there = std::fs::read_to_string(&at).unwrap_or_default();
    assert!(there == rendered(), "SYSCALLS.md is not the table: PATCHALL_RENDER=1 cargo test -p patchall --lib table");
}

#[test]
fn words_are_there_and_end_without_a_stop() {
    for c in CALLS {
        assert_eq!(c.why.is_empty(), c.step.is_none(), "{}", c.name);
        assert!(!c.why.ends_with('.') && !c.why.contains('|'), "{}", c.name);
    }
    assert_eq!(called("read").class, Class::Cooperative);
}

/// Calls that are served and take no pointer, or none that the kernel looks at: an address of memory or code.
const WITHOUT_POINTERS: &[&str] = &[
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "exit",
    "exit_group",
    "fdatasync",
    "flock",
    "fork",
    "fsync",
    "gettid",
    "getpriority",
    "io_uring_enter",
    "ioperm",
    "iopl",
    "ioprio_set",
    "kill",
    "landlock_restrict_self",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "pause",
    "personality",
    "rseq",
    "rt_sigreturn",
    "sched_getscheduler",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "setfsgid",
    "setfsuid",
    "setgid",
    "setns",
    "setpriority",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setuid",
    "socket",
    "sync",
    "syncfs",
    "tee",
    "tgkill",
    "timer_delete",
    "timer_getoverrun",
    "tkill",
    "unshare",
    "vfork",
    "clone",
    "futex_wake",
    "futex_wait",
    "futex_requeue",
];

#[test]
fn every_call_that_takes_a_pointer_is_given_bad_ones() {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/programs/io/bad_pointers.c");
    let program = std::fs::read_to_string(at).unwrap();
    for c in CALLS.iter().filter(|c| c.step.is_some()) {
        let tried = program.contains(&format!("ROW({},", c.name)) || program.contains(&format!("{{\"{}\",", c.name));
        assert_ne!(
            tried,
            WITHOUT_POINTERS.contains(&c.name),
            "{}: in tests/programs/io/bad_pointers.c, or no pointer",
            c.name
        );
    }
    assert!(WITHOUT_POINTERS.iter().all(|name| called(name).step.is_some()));
}
