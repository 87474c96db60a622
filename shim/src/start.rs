//! From dormant to virtual: the settings are read when the library is loaded, the gate opens at the first thread.
//!
//! A process that makes no thread pays for the loading and for a look through its environment.

use crate::{alloc, report};
use core::sync::atomic::{AtomicU8, Ordering::*};
use patchall::config::{Config, Level, Stats, Tick};
use patchall::process::{self, Refusal, Settings};
use patchall::sys;
use std::sync::OnceLock;

unsafe extern "C" {
    static environ: *const *mut libc::c_char;
}

/// The settings, as the constructor read them. Read without a lock: a child of fork would have one for ever that another
/// thread of its parent held.
static CONFIG: OnceLock<Config> = OnceLock::new();

const DORMANT: u8 = 0;
const VIRTUAL: u8 = 1;
const NATIVE: u8 = 2;
static MODE: AtomicU8 = AtomicU8::new(DORMANT);
/// Why it is native.
static WHY: OnceLock<String> = OnceLock::new();

/// Exit status of patchall's own errors.
const OWN_ERROR: i32 = 125;

/// The settings of this process.
pub(crate) fn config() -> Config {
    CONFIG.get().copied().unwrap_or(Config::DEFAULT)
}

/// Mode and reason, as the report gives them.
pub(crate) fn mode() -> (&'static str, String) {
    let why = || WHY.get().cloned().unwrap_or_default();
    match MODE.load(Acquire) {
        DORMANT => ("dormant", "no threads were made".into()),
        VIRTUAL => ("virtual", String::new()),
        _ => ("native", why()),
    }
}

/// Runs at the start of every program: all of it in one place, because each page of code it touches costs as much as what it
/// does there.
#[ctor::ctor(unsafe)]
fn loaded() {
    // A constructor of another library may have made a thread before ours ran: it came through here, too.
    if CONFIG.get().is_none() {
        read_settings();
    }
}

#[inline(always)]
fn read_settings() {
    process::at_load();
    crate::hooks::find_all();
    // SAFETY: the loader has set `environ`, and nobody changes it before main.
    let (config, problems) = unsafe { Config::from_environ(Config::DEFAULT, environ) };
    if !problems.is_empty() {
        let line = format!("patchall: {problems}\n");
        sys::stderr(line.as_bytes());
        // SAFETY: as above.
        unsafe { problems.set_aside(environ) };
    }
    let _ = CONFIG.set(config);
    if let Some(file) = config.dump {
        process::dump_on(config.dump_signal, file);
    }
    if config.stats != Stats::Off || config.stats_file.is_some() {
        report::at_exit();
    }
}

/// One line on stderr, if the level allows it.
pub(crate) fn say(level: Level, text: &str) {
    if level <= config().log {
        sys::stderr(format!("patchall: {text}\n").as_bytes());
    }
}

/// A thread is about to be made: opens the gate, once. On a stack of our own, since the caller's may be one of a few KiB that
/// the program has made itself, enough for pthread_create.
#[inline]
pub(crate) fn before_first_thread() {
    if MODE.load(Acquire) == DORMANT {
        process::on_own_stack(first_thread);
    }
}

fn first_thread() {
    loaded();
    let config = config();
    let outcome = match config.gate {
        false => Err("PATCHALL_GATE=off".to_string()),
        true if !alloc::secure() => Err("no memory to look for system calls in".to_string()),
        true => open(&config),
    };
    alloc::settle();
    match outcome {
        Ok(()) => MODE.store(VIRTUAL, Release),
        Err(why) => {
            let _ = WHY.set(why.clone());
            MODE.store(NATIVE, Release);
            if config.strict {
                sys::stderr(format!("patchall: threads would run natively: {why}; --strict forbids that\n").as_bytes());
                // SAFETY: ends the process; nothing of ours needs cleaning up.
                unsafe { libc::_exit(OWN_ERROR) };
            }
            if config.gate {
                say(Level::Warn, &format!("threads run natively: {why}"));
            }
        }
    }
}

fn open(config: &Config) -> Result<(), String> {
    for (symbol, name) in [(c"__tsan_init", "Thread"), (c"__asan_init", "Address"), (c"__msan_init", "Memory")] {
        // SAFETY: the name is a C string.
        if !unsafe { libc::dlsym(libc::RTLD_DEFAULT, symbol.as_ptr()) }.is_null() {
            return Err(format!("the program is built with {name}Sanitizer, which knows kernel threads only"));
        }
    }
    if let Some(n) = kernel_threads().filter(|n| *n > 1) {
        return Err(format!("{} threads were already there that libc did not make", n - 1));
    }
    let slice_ns = match config.tick {
        Tick::Off => 0,
        Tick::Every(us) => u64::from(us) * 1000,
    };
    let (handover, warn) = (config.handover, config.log >= Level::Warn);
    process::open(&Settings { carriers: carriers(config), slice_ns, handover, warn })
        .map_err(|e: Refusal| e.to_string())
}

/// How many carriers the process has, or would have.
pub(crate) fn carriers(config: &Config) -> usize {
    config.carriers.map_or_else(process::usable_cpus, |n| n as usize)
}

/// Kernel threads of this process; `None` without /proc.
fn kernel_threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}
