//! The gate in earnest: libc, loader and libraries of a running process are patched, with an entry
//! that only counts and lets every call through, and then have to work as before.
//!
//! Each case patches its own process, a child of this one, which therefore keeps a single thread
//! and does without the usual harness. An argument picks the cases whose names contain it.

mod entry;
mod library;
mod many;
mod work;

use std::process::ExitCode;
use std::time::Instant;

use patchall::gate::{Entries, Error, Gate, ObjectKind, Place, Reason, Threads};
use patchall::gate::{locate, original_pc, resume_pc};

use entry::{calls, entries};

fn main() -> ExitCode {
    let cases: [(&str, fn()); 12] = [
        ("libc_works_when_patched_in_place", || work_through(Threads::One)),
        ("libc_works_when_its_pages_are_replaced", || work_through(Threads::Many)),
        ("an_entry_may_answer_for_the_kernel", an_entry_may_answer_for_the_kernel),
        ("a_call_that_the_entry_does_not_want_is_left_alone", unwanted_calls),
        ("the_file_stays_in_the_map_when_patched_in_place", the_file_stays_in_the_map),
        ("without_proc_self_mem_pages_are_replaced", without_memory_file),
        ("a_second_gate_is_refused", a_second_gate_is_refused),
        ("new_code_refused_leaves_everything_as_it_was", new_code_refused),
        ("program_counters_are_mapped_both_ways", program_counters),
        ("calls_go_on_while_the_gate_opens_under_them", many::calls_go_on),
        ("blocked_calls_return_and_restart_after_the_gate_opens", many::blocked_calls),
        ("libraries_come_and_go", library::libraries_come_and_go),
    ];
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let mut failed = 0;
    for (name, case) in cases {
        if wanted.as_ref().is_some_and(|wanted| !name.contains(wanted.as_str())) {
            continue;
        }
        let verdict = in_child(case);
        println!("gate_run {name} ... {}", verdict.as_deref().unwrap_or("ok"));
        failed += usize::from(verdict.is_some());
    }
    ExitCode::from(u8::from(failed > 0))
}

/// Runs `case` in a child process. `None`: it came to its end.
fn in_child(case: fn()) -> Option<String> {
    // SAFETY: this process has one thread, so the child may do anything.
    match unsafe { libc::fork() } {
        0 => {
            // A hang must not become that of the whole test run.
            // SAFETY: alarm(2) has no preconditions.
            unsafe { libc::alarm(120) };
            let outcome = std::panic::catch_unwind(case);
            std::process::exit(if outcome.is_ok() { 0 } else { 1 })
        }
        child => {
            let mut status = 0;
            // SAFETY: our own child, and a status word of ours.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            (status != 0).then(|| format!("FAILED (wait status {status:#x})"))
        }
    }
}

/// Opens the gate to the counting entry.
fn open(threads: Threads) -> Gate {
    // SAFETY: the entries keep the promise; nothing is unmapped in these tests but by `library`,
    // which waits for the gate. The cases that say `One` have one thread.
    unsafe { Gate::open(entries(), threads) }.unwrap()
}

fn work_through(threads: Threads) {
    let start = Instant::now();
    let gate = open(threads);
    let elapsed = start.elapsed();
    let stats = gate.stats();
    for object in &stats.objects {
        println!("  {}: {} patched, {} left", object.name, object.patched, object.left.len());
        assert_eq!(object.error, None);
    }
    println!("  {threads:?}: {elapsed:?}");
    let libc = stats.objects.iter().find(|object| object.kind == ObjectKind::Libc).unwrap();
    assert!(libc.patched > 300);
    assert!(libc.left.iter().all(|left| left.reason == Reason::SignalReturn));

    let before = calls();
    for _ in 0..1000 {
        // SAFETY: getppid(2) has no preconditions.
        unsafe { libc::getppid() };
    }
    assert_eq!(calls() - before, 1000);
    work::everything();
}

fn an_entry_may_answer_for_the_kernel() {
    // SAFETY: as in `open`.
    let _gate = unsafe { Gate::open(entry::answering(), Threads::One) }.unwrap();
    // SAFETY: getppid(2) and getpid(2) have no preconditions.
    let (parent, this) = unsafe { (libc::getppid(), libc::getpid()) };
    assert_eq!(parent, entry::ANSWER);
    assert_ne!(this, entry::ANSWER);
    // SAFETY: close(2) of no descriptor.
    assert_eq!(unsafe { libc::close(-1) }, -1);
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EBADF));
}

fn unwanted_calls() {
    let wanted = |number| number as libc::c_long != libc::SYS_getppid;
    // SAFETY: as in `open`.
    let _gate = unsafe { Gate::open(Entries { wanted, ..entries() }, Threads::One) }.unwrap();
    let before = calls();
    // SAFETY: getppid(2) has no preconditions.
    unsafe { libc::getppid() };
    assert_eq!(calls(), before);
    // SAFETY: getpgrp(2) has no preconditions. syscall(2) makes any call, so its site is not one that can make only getppid.
    unsafe { (libc::getpgrp(), libc::syscall(libc::SYS_getppid)) };
    assert_eq!(calls(), before + 2);
}

fn libc_lines() -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("/libc.so.6")).map(str::to_owned).collect()
}

fn the_file_stays_in_the_map() {
    let before = libc_lines();
    assert!(before.len() >= 3);
    let _gate = open(Threads::One);
    assert_eq!(libc_lines(), before);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps.contains("rwx"), "{maps}");
}

fn without_memory_file() {
    if !entry::hide_memory_file() {
        println!("  skipped: user and mount namespaces are not to be had");
        return;
    }
    let before = libc_lines();
    let _gate = open(Threads::One);
    assert_ne!(libc_lines(), before, "part of libc is anonymous now");
    work::everything();
}

fn a_second_gate_is_refused() {
    let _gate = open(Threads::One);
    // SAFETY: as in `open`.
    let second = unsafe { Gate::open(entries(), Threads::One) };
    assert_eq!(second.err(), Some(Error::AlreadyOpen));
}

fn new_code_refused() {
    const PR_SET_MDWE: i32 = 65;
    let refuse_exec_gain = 1;
    // SAFETY: prctl(2) with integer arguments.
    if unsafe { libc::prctl(PR_SET_MDWE, refuse_exec_gain, 0, 0, 0) } != 0 {
        println!("  skipped: this kernel has no PR_SET_MDWE (Linux 6.3)");
        return;
    }
    let before = std::fs::read_to_string("/proc/self/maps").unwrap();
    for threads in [Threads::One, Threads::Many] {
        // SAFETY: as in `open`.
        let error = unsafe { Gate::open(entries(), threads) }.err().unwrap();
        assert!(matches!(error, Error::NoNewCode(_)), "{error}");
    }
    let code = |maps: &str| {
        let lines = maps.lines().filter(|line| line.contains(" r-xp "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(code(&before), code(&std::fs::read_to_string("/proc/self/maps").unwrap()));
    // SAFETY: getppid(2) has no preconditions.
    unsafe { libc::getppid() };
    assert_eq!(calls(), 0);
}

fn program_counters() {
    let _gate = open(Threads::One);
    // SAFETY: dlsym(3) with a NUL-terminated name.
    let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"getppid".as_ptr()) } as usize;
    let window = (function..function + 32).find_map(|pc| Some((pc, locate(pc)?)));
    let (start, location) = window.expect("getppid has a site");
    assert_eq!(location.kind, ObjectKind::Libc);
    assert_eq!(location.place, Place::Window(0));
    let site = location.site;
    assert!(site > start, "getppid's window is a direct one");
    // On the way to the entry, at the call, and behind it.
    let enter = resume_pc(site);
    assert_eq!(locate(enter).unwrap().place, Place::Before);
    assert_eq!(original_pc(enter), site);
    let behind = resume_pc(site + 2);
    assert_eq!(locate(behind).unwrap().place, Place::After);
    assert_eq!(original_pc(behind), site + 2);
    assert_eq!(locate(behind - 2).unwrap().place, Place::Call);
    assert_eq!(original_pc(behind - 2), site);
    // What the gate does not know stays as it is.
    assert_eq!(locate(program_counters as *const () as usize), None);
    assert_eq!((original_pc(1), resume_pc(usize::MAX)), (1, usize::MAX));
}
