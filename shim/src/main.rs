//! `patchall CMD ARGS..`: preloads the library and becomes the command.
//!
//! The launcher replaces itself by the command (execve), so pid, parent, signals and exit status are the command's. It
//! must hand on its own state as it got it: that is why there is no Rust `main` here, whose runtime ignores SIGPIPE and
//! opens descriptors 0 to 2 where they are closed before `main` begins.
//!
//! `unsafe` is used for C's entry point.

#![cfg_attr(not(test), no_main)]
#![cfg_attr(test, allow(dead_code, reason = "the tests have a `main` of their own"))]

#[cfg(not(test))]
use std::ffi::{CStr, c_char, c_int};

#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
mod compat;
mod launcher;
mod note;

#[cfg(not(test))]
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char, _: *const *mut c_char) -> c_int {
    let arguments = (0..usize::try_from(count).unwrap_or(0))
        .map(|i| {
            // SAFETY: `main` gets an array of `count` NUL-terminated strings (C11 5.1.2.2.1), which nobody changes.
            unsafe { CStr::from_ptr(*arguments.add(i)) }
        })
        .collect();
    launcher::run(arguments)
}
