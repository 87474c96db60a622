//! What can be learnt about running processes from `/proc` without a debugger: who belongs to a run, how many kernel
//! threads a process has, and where each of them stands.
//!
//! A process may vanish at any moment; what cannot be read is left out.

use std::fs;

/// The processes whose environment holds `mark` (`NAME=VALUE`). A zombie has no environment and is not among them.
pub(super) fn marked(mark: &str) -> Vec<u32> {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != own && carries(*pid, mark)).collect()
}

fn carries(pid: u32, mark: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
}

/// The number of kernel threads of a process, 0 when it is gone.
pub(super) fn kernel_threads(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    field(&status, "Threads").and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// For each process its state, and for each of its kernel threads where it stands in the kernel.
pub(super) fn describe(pids: &[u32]) -> String {
    let mut text = String::new();
    for pid in pids {
        describe_process(&mut text, *pid);
    }
    text
}

fn describe_process(text: &mut String, pid: u32) {
    let read = |path: &str| fs::read_to_string(format!("/proc/{pid}/{path}")).unwrap_or_default();
    let command = read("cmdline").replace('\0', " ");
    let status = read("status");
    let of = |name| field(&status, name).unwrap_or("?");
    *text += &format!(
        "pid {pid} [{}]: state {}, {} kernel threads, signals pending {} blocked {} caught {}\n",
        command.trim(),
        of("State"),
        of("Threads"),
        of("ShdPnd"),
        of("SigBlk"),
        of("SigCgt"),
    );
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    // A program that did fall back may have thousands; the first ones tell.
    for task in tasks.take(32) {
        let task = task.file_name().to_string_lossy().into_owned();
        let read = |path: &str| read(&format!("task/{task}/{path}")).trim().replace('\n', " < ");
        *text += &format!("  task {task} [{}]: wchan {}, syscall {}\n", read("comm"), read("wchan"), read("syscall"),);
    }
}

/// A field of `/proc/PID/status`, proc_pid_status(5).
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[test]
fn a_process_is_found_by_its_mark_and_described() {
    let mark = format!("HARNESS_RUN=diagnose-{}", std::process::id());
    let (name, value) = mark.split_once('=').expect("a mark is NAME=VALUE");
    let mut child = std::process::Command::new("cat")
        .env(name, value)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("there is a cat everywhere");
    assert_eq!(marked(&mark), [child.id()]);
    assert_eq!(kernel_threads(child.id()), 1);
    let text = describe(&[child.id()]);
    assert!(text.contains("[cat]") && text.contains("1 kernel threads") && text.contains("wchan"), "{text}");
    drop(child.stdin.take());
    child.wait().expect("a child can be waited for");
    assert!(marked(&mark).is_empty());
}
