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
use core::ffi::{c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr;
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

/// Declares the hooks: the real function is given to the body as `real`. Of several versions of a symbol the one to take must
/// be said (`""` where there is one): older glibcs find the oldest by RTLD_NEXT (bug 14932), and programs mean the newest.
macro_rules! hooks {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty, $version:literal, $real:ident => $body:block)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// As for the function it stands before.
            #[unsafe(no_mangle)]
            unsafe extern "C-unwind" fn $name($($arg: $ty),*) -> $ret {
                let mut p = at::$name.load(Relaxed);
                if p.is_null() {
                    // Called before our constructor, or loaded since.
                    p = look_up::$name();
                }
                if p.is_null() {
                    // SAFETY: the name is zero-terminated; redhook ends the process when there is no such symbol.
                    p = unsafe { dlsym_next(concat!(stringify!($name), "\0")) }.cast_mut().cast();
                }
                // SAFETY: the next definition of this symbol has this type.
                let $real: unsafe extern "C-unwind" fn($($ty),*) -> $ret = unsafe { transmute(p) };
                $body
            }
        )*

        /// The real functions, once they have been looked up.
        #[allow(non_upper_case_globals)]
        mod at {
            use super::*;
            $(pub(super) static $name: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());)*
        }

        /// Looks the real functions up, as far as they are there: when the library is loaded, since dlsym takes a lock and needs
        /// more stack than a program may have given the caller. libpthread and librt of older glibcs may come later.
        pub(crate) fn find_all() {
            $(look_up::$name();)*
        }

        /// Each finds and keeps its function, or answers null.
        #[allow(non_snake_case)]
        mod look_up {
            use super::*;
            $(
                pub(super) fn $name() -> *mut c_void {
                    let p = find(concat!(stringify!($name), "\0"), concat!($version, "\0"));
                    at::$name.store(p, Relaxed);
                    p
                }
            )*
        }
    };
}

/// The next definition of a symbol, or null. Both strings end with a zero.
fn find(name: &str, version: &str) -> *mut c_void {
    // SAFETY: both strings are zero-terminated.
    unsafe {
        match version {
            "\0" => libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast()),
            _ => dlvsym(libc::RTLD_NEXT, name.as_ptr().cast(), version.as_ptr().cast()),
        }
    }
}

unsafe extern "C" {
    /// dlvsym(3), by way of `compat`.
    fn dlvsym(handle: *mut c_void, name: *const c_char, version: *const c_char) -> *mut c_void;
}

type Start = extern "C-unwind" fn(*mut c_void) -> *mut c_void;
type StartInt = extern "C-unwind" fn(*mut c_void) -> c_int;

hooks! {
    /// pthread_create(3).
    fn pthread_create(thread: *mut libc::pthread_t, attr: *const libc::pthread_attr_t, f: Start, arg: *mut c_void) -> c_int, "", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(thread, attr, f, arg) }
    }

    /// thrd_create(3): libc does not make it through pthread_create's symbol.
    fn thrd_create(thread: *mut libc::pthread_t, f: StartInt, arg: *mut c_void) -> c_int, "", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(thread, f, arg) }
    }

    /// timer_create(2) with SIGEV_THREAD makes a thread inside libc.
    fn timer_create(clock: libc::clockid_t, event: *mut libc::sigevent, timer: *mut libc::timer_t) -> c_int, "GLIBC_2.3.3", real => {
        // SAFETY: the caller's structure, which libc reads, too.
        if unsafe { event.as_ref() }.is_some_and(|e| e.sigev_notify == libc::SIGEV_THREAD) {
            start::before_first_thread();
        }
        // SAFETY: the caller's arguments.
        unsafe { real(clock, event, timer) }
    }

    /// mq_notify(3) with SIGEV_THREAD does, too.
    fn mq_notify(queue: libc::mqd_t, event: *const libc::sigevent) -> c_int, "", real => {
        // SAFETY: as above.
        if unsafe { event.as_ref() }.is_some_and(|e| e.sigev_notify == libc::SIGEV_THREAD) {
            start::before_first_thread();
        }
        // SAFETY: the caller's arguments.
        unsafe { real(queue, event) }
    }

    /// aio_read(3): libc has threads for it.
    fn aio_read(request: *mut c_void) -> c_int, "", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(request) }
    }

    /// aio_read(3) with 64-bit offsets.
    fn aio_read64(request: *mut c_void) -> c_int, "", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(request) }
    }

    /// aio_write(3).
    fn aio_write(request: *mut c_void) -> c_int, "", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(request) }
    }

    /// aio_write(3) with 64-bit offsets.
    fn aio_write64(request: *mut c_void) -> c_int, "", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(request) }
    }

    /// aio_fsync(3).
    fn aio_fsync(how: c_int, request: *mut c_void) -> c_int, "", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(how, request) }
    }

    /// aio_fsync(3) with 64-bit offsets.
    fn aio_fsync64(how: c_int, request: *mut c_void) -> c_int, "", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(how, request) }
    }

    /// lio_listio(3).
    fn lio_listio(mode: c_int, requests: *const *mut c_void, count: c_int, event: *mut libc::sigevent) -> c_int, "GLIBC_2.4", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(mode, requests, count, event) }
    }

    /// lio_listio(3) with 64-bit offsets.
    fn lio_listio64(mode: c_int, requests: *const *mut c_void, count: c_int, event: *mut libc::sigevent) -> c_int, "GLIBC_2.4", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(mode, requests, count, event) }
    }

    /// getaddrinfo_a(3).
    fn getaddrinfo_a(mode: c_int, requests: *const *mut c_void, count: c_int, event: *mut libc::sigevent) -> c_int, "", real => {
        start::before_first_thread();
        // SAFETY: the caller's arguments.
        unsafe { real(mode, requests, count, event) }
    }
}

/// _exit(2): a process that is not virtual reports here, since it runs no exit handlers.
///
/// Made as libc makes it, by a call of libc's that the gate sees. To look up libc's own would be the larger part of what a
/// child costs that is forked only to end.
#[unsafe(no_mangle)]
extern "C-unwind" fn _exit(status: c_int) -> ! {
    crate::leaving();
    loop {
        // SAFETY: exit_group(2) has no preconditions.
        unsafe { libc::syscall(libc::SYS_exit_group, status) };
    }
}

/// _Exit(3).
#[unsafe(no_mangle)]
extern "C-unwind" fn _Exit(status: c_int) -> ! {
    _exit(status)
}
