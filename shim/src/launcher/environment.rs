//! The environment that the command gets: ours, entry by entry as it is, with what patchall adds.
//!
//! Entries are kept as bytes: they need not be UTF-8, nor contain `=`, nor be unique.
//!
//! `unsafe` is used to read and edit `environ`.

use std::ffi::{CStr, CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use patchall::config::{Config, Level, PREFIX};

unsafe extern "C" {
    static environ: *mut *mut c_char;
}

/// A list of `NAME=VALUE` entries.
#[derive(Clone)]
pub(super) struct Environment {
    entries: Vec<CString>,
}

impl Environment {
    /// A copy of what this process was given.
    pub(super) fn of_this_process() -> Self {
        let mut entries = Vec::new();
        // SAFETY: the launcher has one thread and never changes `environ`, which is a null-terminated array of strings
        // or null (environ(7)).
        unsafe {
            let mut next = environ;
            while !next.is_null() && !(*next).is_null() {
                entries.push(CStr::from_ptr(*next).to_owned());
                next = next.add(1);
            }
        }
        Self { entries }
    }

    /// Reads the settings in it. Those with bad values are set aside, so that no child tells of them again; the line to
    /// tell of them comes beside the settings.
    pub(super) fn settings(&mut self, log: Level) -> (Config, Option<String>) {
        let mut block: Vec<*mut c_char> = self.entries.drain(..).map(CString::into_raw).collect();
        block.push(std::ptr::null_mut());
        let defaults = Config { log, ..Config::DEFAULT };
        // SAFETY: the block is a null-terminated array of strings, made above, that only we know.
        let (config, problems) = unsafe { Config::from_environ(defaults, block.as_ptr()) };
        let line = (!problems.is_empty()).then(|| problems.to_string());
        // SAFETY: as above; it is still there.
        unsafe { problems.set_aside(block.as_ptr()) };
        block.pop();
        // SAFETY: each came from `into_raw`, and setting aside changes letters only, not the length.
        self.entries = block.into_iter().map(|e| unsafe { CString::from_raw(e) }).collect();
        (config, line)
    }

    /// Sets one of our own variables, by its name without the prefix.
    pub(super) fn set(&mut self, name: &str, value: &OsStr) {
        self.put(&format!("{PREFIX}{name}"), value.as_bytes());
    }

    /// What the command needs so that it runs under patchall: the library after what is preloaded already, and no
    /// registration for restartable sequences, which belong to an OS thread.
    pub(super) fn preload(&mut self, library: &Path) {
        self.append("LD_PRELOAD", b": ", b':', library.as_os_str().as_bytes());
        self.append("GLIBC_TUNABLES", b":", b':', b"glibc.pthread.rseq=0");
    }

    /// The value of the first entry of that name, as getenv(3) finds it.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.entries.iter().find_map(|e| value_of(e, name))
    }

    /// Appends an item to a list, unless it is there already: patchall may run under patchall.
    fn append(&mut self, name: &str, separators: &[u8], separator: u8, item: &[u8]) {
        let mut list = self.get(name).unwrap_or_default().to_vec();
        if list.split(|b| separators.contains(b)).any(|i| i == item) {
            return;
        }
        if !list.is_empty() {
            list.push(separator);
        }
        list.extend_from_slice(item);
        self.put(name, &list);
    }

    /// Replaces every entry of that name by one, where the first stood.
    fn put(&mut self, name: &str, value: &[u8]) {
        let entry = [name.as_bytes(), b"=", value].concat();
        // Both come from entries or arguments, which are C strings, or from our own texts.
        let entry = CString::new(entry).expect("no NUL in a setting");
        match self.entries.iter().position(|e| value_of(e, name).is_some()) {
            Some(first) => {
                let tail = self.entries.split_off(first);
                self.entries.push(entry);
                self.entries.extend(tail.into_iter().filter(|e| value_of(e, name).is_none()));
            }
            None => self.entries.push(entry),
        }
    }

    /// The entries as execve(2) takes them, good for as long as this is.
    pub(super) fn pointers(&self) -> Vec<*const c_char> {
        let entries = self.entries.iter().map(|e| e.as_ptr());
        entries.chain([std::ptr::null()]).collect()
    }
}

fn value_of<'a>(entry: &'a CStr, name: &str) -> Option<&'a [u8]> {
    entry.to_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}
