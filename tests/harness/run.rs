//! Runs one program with a time limit and keeps all that it did: output, end, the most kernel threads seen.
//!
//! The program gets a process group of its own and a mark in its environment by which its descendants are found, daemons
//! that left the group included. At the limit the state of each is written down and all are killed. A process that is
//! still there after the program has ended is an error too.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fmt, fs};

use super::{Failure, Program, diagnose};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Exited(i32),
    Signalled(i32),
}

impl From<ExitStatus> for Status {
    fn from(status: ExitStatus) -> Self {
        match status.signal() {
            Some(signal) => Self::Signalled(signal),
            None => Self::Exited(status.code().expect("a process exits or is killed")),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit status {code}"),
            Self::Signalled(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// What a run left behind.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) pid: u32,
    pub(super) status: Status,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// The most kernel threads of the process that a look now and then has seen; the truth may be higher.
    pub(super) kernel_threads_seen: u64,
}

/// What a run under patchall has and a native one has not.
#[derive(Debug)]
pub(super) struct Preload<'a> {
    pub(super) library: &'a Path,
    pub(super) carriers: u32,
    pub(super) report: &'a Path,
}

/// A file for the processes' reports, gone when dropped.
#[derive(Debug)]
pub(super) struct ReportFile(PathBuf);

impl ReportFile {
    /// Anybody may write to it: a program may have given its rights away by the time it reports.
    pub(super) fn new() -> Result<Self, Failure> {
        let path = env::temp_dir().join(format!("patchall-report-{}", unique()));
        let make = || {
            fs::File::create_new(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666))
        };
        make().map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        // A file in the way of nobody is no reason to fail a test.
        let _ = fs::remove_file(&self.0);
    }
}

enum Event {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    Ended(ExitStatus),
}

/// How often the number of kernel threads is looked at.
const SAMPLE: Duration = Duration::from_millis(20);
/// How long descendants may live on after the program has ended.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the program to its end, or to its limit.
pub(super) fn run(program: &Program, preload: Option<&Preload<'_>>) -> Result<Outcome, Failure> {
    no_core_files();
    let mark = format!("HARNESS_RUN={}", unique());
    let mut command = command(program, preload, &mark);
    let mut child = command.spawn().map_err(|error| format!("{}: {error}", program.executable.path.display()))?;
    let pid = child.id();
    let (events, incoming) = mpsc::channel();
    collect(child.stdout.take(), &events, Event::Stdout);
    collect(child.stderr.take(), &events, Event::Stderr);
    thread::spawn(move || events.send(Event::Ended(child.wait().expect("a child can be waited for"))));

    let limit = program.options.limit * super::number_from_environment("HARNESS_LIMIT_FACTOR");
    let deadline = Instant::now() + limit;
    let (mut stdout, mut stderr, mut ended) = (None, None, None);
    let mut kernel_threads_seen = 0;
    let mut hung = None;
    while stdout.is_none() || stderr.is_none() || ended.is_none() {
        match incoming.recv_timeout(SAMPLE) {
            Ok(Event::Stdout(bytes)) => stdout = Some(bytes),
            Ok(Event::Stderr(bytes)) => stderr = Some(bytes),
            Ok(Event::Ended(status)) => ended = Some(status),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err("a thread of the harness died".into());
            }
        }
        kernel_threads_seen = kernel_threads_seen.max(diagnose::kernel_threads(pid));
        if hung.is_none() && Instant::now() > deadline {
            hung = Some(diagnose::describe(&diagnose::marked(&mark)));
            kill_all(&mark);
        }
    }
    let (stdout, stderr) = (stdout.expect("the loop saw it"), stderr.expect("the loop saw it"));
    if let Some(state) = hung {
        return Err(format!(
            "not done after {limit:?} (the limit), killed\n{}\n--- stdout so far\n{}\n--- stderr so far\n{}\n--- processes\n{state}",
            preload.map_or(String::new(), |preload| format!(
                "--- reports\n{}",
                fs::read_to_string(preload.report).unwrap_or_default()
            )),
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr),
        ));
    }
    leaves_nobody_behind(&mark)?;
    let status = ended.expect("the loop saw it").into();
    Ok(Outcome { pid, status, stdout, stderr, kernel_threads_seen })
}

fn command(program: &Program, preload: Option<&Preload<'_>>, mark: &str) -> Command {
    let mut command = Command::new(&program.executable.path);
    command.args(&program.executable.first_args).args(&program.options.args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    for (name, _) in env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PATCHALL_") {
            command.env_remove(name);
        }
    }
    let (name, value) = mark.split_once('=').expect("a mark is NAME=VALUE");
    command.env_remove("LD_PRELOAD").env("LC_ALL", "C").env(name, value);
    if let Some(preload) = preload {
        command
            .env("LD_PRELOAD", preload.library)
            .env("PATCHALL_STRICT", "1")
            .env("PATCHALL_STATS", "json")
            .env("PATCHALL_STATS_FILE", preload.report)
            .env("PATCHALL_CARRIERS", preload.carriers.to_string());
    }
    command
}

/// Reads a stream to its end in a thread of its own: the end comes when the last descendant has closed it.
fn collect<R: Read + Send + 'static>(stream: Option<R>, events: &Sender<Event>, event: fn(Vec<u8>) -> Event) {
    let (mut stream, events) = (stream.expect("the stream is piped"), events.clone());
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("a pipe can be read");
        // Nobody listens any more when the harness has given up; nothing is lost then.
        let _ = events.send(event(bytes));
    });
}

/// Waits a little for the program's descendants to be gone.
fn leaves_nobody_behind(mark: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + GRACE;
    loop {
        let left = diagnose::marked(mark);
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let state = diagnose::describe(&left);
            kill_all(mark);
            return Err(format!("the program has ended but left processes behind:\n{state}"));
        }
        thread::sleep(SAMPLE);
    }
}

/// Kills every process of the run, until none is left (one may fork while we look).
fn kill_all(mark: &str) {
    for _ in 0..100 {
        let left = diagnose::marked(mark);
        if left.is_empty() {
            return;
        }
        for pid in left {
            // SAFETY: kill(2) takes numbers only.
            unsafe { libc::kill(pid.cast_signed(), libc::SIGKILL) };
        }
        thread::sleep(SAMPLE);
    }
}

/// Programs that crash on purpose must not litter: children inherit a core file size of 0.
fn no_core_files() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: setrlimit(2) reads the struct it is given.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
    });
}

/// A text that no other run on this machine has.
fn unique() -> String {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed))
}
