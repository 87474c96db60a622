//! The report at exit (`--stats`): figures of one process, for people or as one line of JSON.
//!
//! Fields, stable: `pid`; `mode` ("virtual", "native", "dormant") and `why`; `carriers`; `kernel_threads_max`, the most OS
//! threads the engine had at once; `threads_made`, without the first; `switches`, `preemptions`, `migrations`, `steals`,
//! `polls`; `sites_patched` and `sites_left`; `parks`, an object of counts by system call.

use crate::start;
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering::*};
use patchall::config::Stats;
use patchall::process::{self, Report};
use patchall::sys::{self, nr};

static DONE: AtomicBool = AtomicBool::new(false);
/// Only read by those who want none: a write would cost each forked child a page.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Whether this process reports when it ends.
pub(crate) fn is_wanted() -> bool {
    WANTED.load(Relaxed)
}

/// Arranges for the report of this process, however it ends but by a signal that kills.
pub(crate) fn at_exit() {
    WANTED.store(true, Relaxed);
    process::set_reporter(write);
    // SAFETY: registers a function of the right type.
    unsafe { libc::atexit(atexit) };
}

/// A process that stayed dormant, or native, ends without the engine noticing.
extern "C" fn atexit() {
    if !process::is_open() {
        now();
    }
}

/// Writes the report now, if it was not written before.
pub(crate) fn now() {
    write(&process::figures());
}

fn write(r: &Report) {
    let config = start::config();
    // A dormant process has what it would have had.
    let r = &Report { carriers: if process::is_open() { r.carriers } else { start::carriers(&config) }, ..*r };
    if (config.stats == Stats::Off && config.stats_file.is_none()) || DONE.swap(true, SeqCst) {
        return;
    }
    let text = if config.stats == Stats::Json { json(r) } else { plain(r) };
    match config.stats_file {
        None => sys::stderr(text.as_bytes()),
        Some(path) => append(path, text.as_bytes()),
    }
}

/// One write to a file opened for appending: lines of several processes do not mix.
fn append(path: &core::ffi::CStr, text: &[u8]) {
    // SAFETY: raw calls with a zero-terminated path and a readable slice; libc's own would go through the gate.
    unsafe {
        let flags = (libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_CLOEXEC) as usize;
        let fd = sys::syscall3(nr(libc::SYS_open), path.as_ptr() as usize, flags, 0o644);
        if sys::is_err(fd) {
            sys::stderr(b"patchall: the file for the report cannot be opened\n");
            return;
        }
        sys::syscall3(nr(libc::SYS_write), fd as usize, text.as_ptr() as usize, text.len());
        sys::syscall1(nr(libc::SYS_close), fd as usize);
    }
}

fn sites() -> (usize, usize) {
    patchall::gate::stats()
        .map_or((0, 0), |s| s.objects.iter().fold((0, 0), |(p, l), o| (p + o.patched, l + o.left.len())))
}

fn json(r: &Report) -> String {
    let (mode, why) = start::mode();
    let (patched, left) = sites();
    let mut out = format!(
        "{{\"pid\":{},\"mode\":\"{mode}\",\"why\":\"{}\",\"carriers\":{},\"kernel_threads_max\":{},\"threads_made\":{},\
         \"switches\":{},\"preemptions\":{},\"migrations\":{},\"steals\":{},\"polls\":{},\"sites_patched\":{patched},\
         \"sites_left\":{left},\"parks\":{{",
        r.pid,
        why.escape_default(),
        r.carriers,
        r.kernel_threads_max,
        r.threads_made,
        r.switches,
        r.preemptions,
        r.migrations,
        r.steals,
        r.polls,
    );
    for (i, (call, n)) in r.parks().enumerate() {
        let _ = write!(out, "{}\"{call}\":{n}", if i > 0 { "," } else { "" });
    }
    out.push_str("}}\n");
    out
}

fn plain(r: &Report) -> String {
    let (mode, why) = start::mode();
    let (patched, left) = sites();
    let mut out = format!("patchall: process {}: {mode}{}{why}\n", r.pid, if why.is_empty() { "" } else { ": " });
    if mode != "virtual" {
        return out;
    }
    let _ = writeln!(
        out,
        "patchall:   {} threads made on {} carriers, at most {} kernel threads",
        r.threads_made, r.carriers, r.kernel_threads_max
    );
    let _ = writeln!(
        out,
        "patchall:   {} switches, {} preemptions, {} migrations, {} steals, {} polls",
        r.switches, r.preemptions, r.migrations, r.steals, r.polls
    );
    let _ = writeln!(out, "patchall:   {patched} sites patched, {left} left");
    let _ = write!(out, "patchall:   parks:");
    for (call, n) in r.parks() {
        let _ = write!(out, " {call} {n}");
    }
    out.push('\n');
    out
}
