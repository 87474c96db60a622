//! The rows of the table of settings, and how their values are read.
//!
//! A row is the only place that knows a setting's name, values, default and meaning. Every reader returns `None`, and
//! changes nothing, for a value that it does not take.

use core::ffi::{CStr, c_int};
use core::ptr;

use super::{Level, Setting, Stats, Tick};

/// Every setting, in the order in which they are explained.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "CARRIERS",
        option: Some("--carriers N"),
        values: "a number of OS threads from 1 to 1024",
        default: "the CPUs the process may use",
        doc: "run at most so many of the program's threads at any instant",
        apply: |c, v| number(v, 1, 1024).map(|n| c.carriers = Some(n)),
    },
    Setting {
        name: "STRICT",
        option: Some("--strict"),
        values: "1 or 0",
        default: "0",
        doc: "exit with 125, saying why, instead of running anything natively",
        apply: |c, v| switch(v).map(|on| c.strict = on),
    },
    Setting {
        name: "STATS",
        option: Some("--stats[=FORM]"),
        values: "text, json or off",
        default: "off",
        doc: "report at exit, per process, what became of its threads",
        apply: |c, v| stats(v).map(|s| c.stats = s),
    },
    Setting {
        name: "STATS_FILE",
        option: Some("--stats-file FILE"),
        values: "a path",
        default: "stderr",
        doc: "append the report to FILE; implies --stats",
        apply: |c, v| path(v).map(|p| c.stats_file = Some(p)),
    },
    Setting {
        name: "LOG",
        option: Some("--log LEVEL"),
        values: "off, error, warn, info or debug",
        default: "warn; error without the launcher",
        doc: "say so much on stderr; warn names everything that runs natively",
        apply: |c, v| level(v).map(|l| c.log = l),
    },
    Setting {
        name: "GATE",
        option: None,
        values: "on or off",
        default: "on",
        doc: "off: patch nothing; only hooked symbols yield, and only coroutines made through the crate are virtual",
        apply: |c, v| switch(v).map(|on| c.gate = on),
    },
    Setting {
        name: "CHILDREN",
        option: None,
        values: "1 or 0",
        default: "1",
        doc: "0: the programs that this one starts run natively",
        apply: |c, v| switch(v).map(|on| c.children = on),
    },
    Setting {
        name: "TICK",
        option: None,
        values: "a number of microseconds from 100 to 1000000, or off",
        default: "4000",
        doc: "after so long without a blocking call a thread lets the others run",
        apply: |c, v| tick(v).map(|t| c.tick = t),
    },
    Setting {
        name: "HANDOVER",
        option: None,
        values: "1 or 0",
        default: "1",
        doc: "0: a call that blocks in the kernel holds its carrier up; no spare OS thread steps in",
        apply: |c, v| switch(v).map(|on| c.handover = on),
    },
    Setting {
        name: "DUMP",
        option: None,
        values: "a path",
        default: "none",
        doc: "append a list of all threads to this file, with what each waits for, when PATCHALL_DUMP_SIGNAL comes",
        apply: |c, v| path(v).map(|p| c.dump = Some(p)),
    },
    Setting {
        name: "DUMP_SIGNAL",
        option: None,
        values: "HUP, QUIT, USR1, USR2, RTMIN+n, RTMAX-n or the number of one of these",
        default: "RTMAX-2",
        doc: "the signal that asks for the list; taken from the program only when PATCHALL_DUMP is set",
        apply: |c, v| signal(v).map(|s| c.dump_signal = s),
    },
];

/// A decimal number in a range, digits only.
fn number(value: &[u8], least: u32, most: u32) -> Option<u32> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n: u32 = core::str::from_utf8(value).ok()?.parse().ok()?;
    (least..=most).contains(&n).then_some(n)
}

fn switch(value: &[u8]) -> Option<bool> {
    match value {
        b"1" | b"on" => Some(true),
        b"0" | b"off" => Some(false),
        _ => None,
    }
}

fn stats(value: &[u8]) -> Option<Stats> {
    match value {
        b"text" | b"1" | b"on" => Some(Stats::Text),
        b"json" => Some(Stats::Json),
        b"off" | b"0" => Some(Stats::Off),
        _ => None,
    }
}

fn level(value: &[u8]) -> Option<Level> {
    [Level::Off, Level::Error, Level::Warn, Level::Info, Level::Debug]
        .into_iter()
        .find(|l| l.name().as_bytes() == value)
}

fn tick(value: &[u8]) -> Option<Tick> {
    match value {
        b"off" => Some(Tick::Off),
        _ => number(value, 100, 1_000_000).map(Tick::Every),
    }
}

/// A signal that a person can send and that neither the hardware (SIGSEGV and its like) nor glibc (32, 33) raises.
fn signal(value: &[u8]) -> Option<c_int> {
    // What programs see as SIGRTMIN, glibc's `__libc_current_sigrtmin`; the kernel's 32 and 33 are its own.
    const RTMIN: u32 = 34;
    const RTMAX: u32 = 64;
    let value = value.strip_prefix(b"SIG").unwrap_or(value);
    let number = match value {
        b"HUP" => libc::SIGHUP,
        b"QUIT" => libc::SIGQUIT,
        b"USR1" => libc::SIGUSR1,
        b"USR2" => libc::SIGUSR2,
        b"RTMIN" => RTMIN.cast_signed(),
        b"RTMAX" => RTMAX.cast_signed(),
        _ => {
            let up = |n: &[u8]| number(n, 0, RTMAX - RTMIN);
            let n = if let Some(n) = value.strip_prefix(b"RTMIN+") {
                RTMIN + up(n)?
            } else if let Some(n) = value.strip_prefix(b"RTMAX-") {
                RTMAX - up(n)?
            } else {
                number(value, 1, RTMAX)?
            };
            n.cast_signed()
        }
    };
    let named = [libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2].contains(&number);
    (named || number >= RTMIN.cast_signed()).then_some(number)
}

/// A copy of a path that stays for as long as the process does, in a mapping of its own: libc's malloc is the program's.
fn path(value: &[u8]) -> Option<&'static CStr> {
    // A path of PATH_MAX bytes with its NUL is the longest that a system call takes (path_resolution(7)).
    if value.len() >= libc::PATH_MAX as usize {
        return None;
    }
    // SAFETY: a new private mapping, somewhere the kernel chooses, touches no memory that is in use.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            value.len() + 1,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping is at least one byte longer than `value`, zeroed (mmap(2)), and nobody else knows it.
    unsafe { ptr::copy_nonoverlapping(value.as_ptr(), page.cast(), value.len()) };
    // SAFETY: the copy is followed by a zero byte, and the mapping is never changed again nor unmapped.
    Some(unsafe { CStr::from_ptr(page.cast()) })
}
