//! The symbols this library puts before libc's.
//!
//! Thread creation comes through here because the gate is still shut when the first thread is made. The blocking calls of
//! [`patchall::hooks`] go straight on to libc, but for threads with light coroutines. Left out on purpose:
//! `__libc_start_main` (a thread is taken over where it is when the gate opens, so main needs no start of its own); dlopen and
//! dlmopen (they look at their return address for search paths and namespaces, which a hook would change; the loader tells
//! the open gate of new objects by itself, libc's own dlopens included).
//!
//! The bodies are `extern "C-unwind"`: pthread_exit and cancellation unwind through them.

use crate::start;
use core::ffi::{c_int, c_void};
use core::mem::transmute;
use core::sync::atomic::{AtomicPtr, Ordering::*};
use redhook::ld_preload::dlsym_next;

patchall::export_preloaded_hooks!();

/// For a program that links the crate and patches itself, too (`patchall::monkey`): the gate is this library's to open. Answers
/// whether it is open.
#[unsafe(no_mangle)]
extern "C" fn patchall_open_gate() -> bool {
    start::before_first_thread();
    patchall::process::is_open()
}

/// Declares a hook: the real function is looked up once, and given to the body as `real`.
macro_rules! hook {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty, $real:ident => $body:expr) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// As for the function it stands before.
        #[unsafe(no_mangle)]
        unsafe extern "C-unwind" fn $name($($arg: $ty),*) -> $ret {
            static REAL: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());
            let mut p = REAL.load(Relaxed);
            if p.is_null() {
                // SAFETY: the name is zero-terminated; redhook ends the process when there is no such symbol.
                p = unsafe { dlsym_next(concat!(stringify!($name), "\0")) }.cast_mut().cast();
                REAL.store(p, Relaxed);
            }
            // SAFETY: the next definition of this symbol has this type.
            let $real: unsafe extern "C-unwind" fn($($ty),*) -> $ret = unsafe { transmute(p) };
            $body
        }
    };
}

type Start = extern "C-unwind" fn(*mut c_void) -> *mut c_void;
type StartInt = extern "C-unwind" fn(*mut c_void) -> c_int;

hook! {
    /// pthread_create(3).
    fn pthread_create(thread: *mut libc::pthread_t, attr: *const libc::pthread_attr_t, f: Start, arg: *mut c_void) -> c_int, real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(thread, attr, f, arg) }
    }
}

hook! {
    /// thrd_create(3): libc does not make it through pthread_create's symbol.
    fn thrd_create(thread: *mut libc::pthread_t, f: StartInt, arg: *mut c_void) -> c_int, real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(thread, f, arg) }
    }
}

hook! {
    /// timer_create(2) with SIGEV_THREAD makes a thread inside libc.
    fn timer_create(clock: libc::clockid_t, event: *mut libc::sigevent, timer: *mut libc::timer_t) -> c_int, real => {
        // SAFETY: the caller's structure, which libc reads, too.
        if unsafe { event.as_ref() }.is_some_and(|e| e.sigev_notify == libc::SIGEV_THREAD) {
            start::before_first_thread();
        }
        // SAFETY: the caller's arguments.
        unsafe { real(clock, event, timer) }
    }
}

hook! {
    /// _exit(2): a process that is not virtual reports here, since it runs no exit handlers.
    fn _exit(status: c_int) -> (), real => {
        crate::leaving();
        // SAFETY: the caller's argument.
        unsafe { real(status) }
    }
}

hook! {
    /// _Exit(3).
    fn _Exit(status: c_int) -> (), real => {
        crate::leaving();
        // SAFETY: the caller's argument.
        unsafe { real(status) }
    }
}
