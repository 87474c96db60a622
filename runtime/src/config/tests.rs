//! Tests of the settings: what each takes and refuses, and that refusals are told once.

use std::ffi::CString;
use std::string::ToString;
use std::vec::Vec;

use super::*;

/// An environment block as the kernel lays it out.
struct Block {
    entries: Vec<*mut c_char>,
}

impl Block {
    fn new(entries: &[&str]) -> Self {
        let mut entries: Vec<_> = entries.iter().map(|e| CString::new(*e).unwrap().into_raw()).collect();
        entries.push(core::ptr::null_mut());
        Self { entries }
    }

    fn read(&self) -> (Config, Problems) {
        // SAFETY: `new` made a null-terminated array of C strings.
        unsafe { Config::from_environ(Config::DEFAULT, self.entries.as_ptr()) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.entries.pop();
        for entry in self.entries.drain(..) {
            // SAFETY: `new` made each by `into_raw`, and its length has not changed.
            drop(unsafe { CString::from_raw(entry) });
        }
    }
}

fn set(name: &str, value: &str) -> Option<Config> {
    let mut config = Config::DEFAULT;
    config.set(name.as_bytes(), value.as_bytes()).ok()?;
    Some(config)
}

#[test]
fn an_environment_without_settings_gives_the_defaults() {
    for entries in [&["PATH=/bin", "PATCHAL=1", "PATCHALL", "=", ""][..], &[]] {
        let (config, problems) = Block::new(entries).read();
        assert_eq!(config, Config::DEFAULT);
        assert!(problems.is_empty());
    }
    // SAFETY: null stands for no environment.
    let (config, _) = unsafe { Config::from_environ(Config::DEFAULT, core::ptr::null()) };
    assert_eq!(config, Config::DEFAULT);
}

#[test]
fn every_setting_reaches_its_field() {
    let block = Block::new(&[
        "A=b",
        "PATCHALL_CARRIERS=2",
        "PATCHALL_STRICT=1",
        "PATCHALL_STATS=json",
        "PATCHALL_STATS_FILE=/tmp/s t",
        "PATCHALL_LOG=debug",
        "PATCHALL_GATE=off",
        "PATCHALL_CHILDREN=0",
        "PATCHALL_TICK=500",
        "PATCHALL_HANDOVER=0",
        "PATCHALL_DUMP=d",
        "PATCHALL_DUMP_SIGNAL=USR2",
    ]);
    assert_eq!(block.entries.len() - 2, SETTINGS.len(), "one is not tested");
    let (config, problems) = block.read();
    assert!(problems.is_empty(), "{problems}");
    drop(block); // The paths must not point into it.
    let expected = Config {
        carriers: Some(2),
        strict: true,
        stats: Stats::Json,
        stats_file: Some(c"/tmp/s t"),
        log: Level::Debug,
        gate: false,
        children: false,
        tick: Tick::Every(500),
        handover: false,
        dump: Some(c"d"),
        dump_signal: libc::SIGUSR2,
    };
    assert_eq!(config, expected);
}

#[test]
fn carriers_are_from_1_to_1024() {
    assert_eq!(set("CARRIERS", "1").unwrap().carriers, Some(1));
    assert_eq!(set("CARRIERS", "1024").unwrap().carriers, Some(1024));
    for bad in ["0", "1025", "-1", "+1", "1 ", "two", "4294967297", "1.5"] {
        assert!(set("CARRIERS", bad).is_none(), "{bad}");
    }
}

#[test]
fn an_empty_value_is_as_good_as_none() {
    for setting in SETTINGS {
        assert_eq!(set(setting.name, ""), Some(Config::DEFAULT));
    }
}

#[test]
fn switches_ticks_and_levels_take_their_words_only() {
    assert!(set("STRICT", "on").unwrap().strict);
    assert!(set("STRICT", "yes").is_none());
    assert!(set("GATE", "on").unwrap().gate);
    assert_eq!(set("TICK", "off").unwrap().tick, Tick::Off);
    assert!(set("TICK", "99").is_none());
    assert_eq!(set("STATS", "1").unwrap().stats, Stats::Text);
    assert_eq!(set("STATS", "off").unwrap().stats, Stats::Off);
    assert!(set("STATS", "xml").is_none());
    assert_eq!(set("LOG", "off").unwrap().log, Level::Off);
    assert!(set("LOG", "WARN").is_none());
}

#[test]
fn a_dump_signal_is_one_that_a_person_may_send() {
    for (text, number) in [("SIGUSR1", 10), ("QUIT", 3), ("RTMIN", 34), ("RTMIN+3", 37), ("SIGRTMAX-2", 62), ("62", 62)]
    {
        assert_eq!(set("DUMP_SIGNAL", text).unwrap().dump_signal, number);
    }
    for bad in ["KILL", "9", "11", "32", "33", "65", "RTMIN+31", "RTMAX-", "SIG"] {
        assert!(set("DUMP_SIGNAL", bad).is_none(), "{bad}");
    }
}

#[test]
fn a_path_longer_than_the_kernel_takes_is_refused() {
    assert!(set("DUMP", &"d".repeat(4095)).is_some());
    assert!(set("DUMP", &"d".repeat(4096)).is_none());
}

#[test]
fn problems_are_told_in_one_line_and_only_once() {
    let block = Block::new(&["PATCHALL_CARRIERS=many", "PATCHALL_CARIERS=2", "X=1"]);
    let (config, problems) = block.read();
    assert_eq!(config, Config::DEFAULT);
    let line = problems.to_string();
    assert_eq!(
        line,
        "ignored, the default holds: PATCHALL_CARRIERS=many (expected a number of OS threads from 1 to 1024), \
         PATCHALL_CARIERS=2 (there is no such setting)"
    );
    // SAFETY: the block is still there, and only this test knows it.
    unsafe { problems.set_aside(block.entries.as_ptr()) };
    assert!(block.read().1.is_empty());
}

#[test]
fn more_problems_than_are_kept_are_counted() {
    let many = ["PATCHALL_A=\x1b\n"; 11];
    let block = Block::new(&many);
    let (_, problems) = block.read();
    let line = problems.to_string();
    assert_eq!(line.matches("no such setting").count(), 8);
    assert!(line.ends_with(" and 3 more"), "{line}");
    assert!(!line.contains(['\n', '\x1b']), "{line:?}");
    // SAFETY: the block is still there, and only this test knows it.
    unsafe { problems.set_aside(block.entries.as_ptr()) };
    assert!(block.read().1.is_empty());
}
