//! The table of hooked symbols.
//!
//! A row is `GROUP fn symbol(arguments) -> result = function that serves it when the thread has coroutines and the group is
//! patched` (STREAM: read and write, whose group is that of the descriptor). From it come the
//! exported symbol ([`export_hooks!`](crate::export_hooks)), its first step ([`entry`]: straight on to libc unless the thread
//! has coroutines), and the way to libc's own (`real`). `__name` and `__name_chk` are what glibc's headers and libstdc++ make
//! of calls (debug/ in glibc).

/// Gives the table to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __hook_table {
    ($($then:tt)*) => { $($then)*! {
        TIME fn sleep(seconds: c_uint) -> c_uint = time::sleep;
        TIME fn usleep(us: c_uint) -> c_int = time::usleep;
        TIME fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int = time::nanosleep;
        TIME fn __nanosleep(time: *const timespec, left: *mut timespec) -> c_int = time::nanosleep;
        TIME fn clock_nanosleep(clock: clockid_t, flags: c_int, time: *const timespec, left: *mut timespec) -> c_int = time::clock_nanosleep;
        TIME fn thrd_sleep(time: *const timespec, left: *mut timespec) -> c_int = time::thrd_sleep;
        TIME fn sched_yield() -> c_int = time::sched_yield;
        TIME fn __sched_yield() -> c_int = time::sched_yield;
        TIME fn thrd_yield() -> () = time::thrd_yield;

        STREAM fn read(fd: c_int, to: *mut c_void, size: size_t) -> ssize_t = transfer::read;
        STREAM fn __read(fd: c_int, to: *mut c_void, size: size_t) -> ssize_t = transfer::read;
        STREAM fn __read_chk(fd: c_int, to: *mut c_void, size: size_t, room: size_t) -> ssize_t = transfer::read_chk;
        STREAM fn readv(fd: c_int, to: *const iovec, count: c_int) -> ssize_t = transfer::readv;
        STREAM fn write(fd: c_int, from: *const c_void, size: size_t) -> ssize_t = transfer::write;
        STREAM fn __write(fd: c_int, from: *const c_void, size: size_t) -> ssize_t = transfer::write;
        STREAM fn writev(fd: c_int, from: *const iovec, count: c_int) -> ssize_t = transfer::writev;

        SOCKET fn recv(fd: c_int, to: *mut c_void, size: size_t, flags: c_int) -> ssize_t = socket::recv;
        SOCKET fn __recv_chk(fd: c_int, to: *mut c_void, size: size_t, room: size_t, flags: c_int) -> ssize_t = socket::recv_chk;
        SOCKET fn recvfrom(fd: c_int, to: *mut c_void, size: size_t, flags: c_int, from: *mut sockaddr, len: *mut socklen_t) -> ssize_t = socket::recvfrom;
        SOCKET fn __recvfrom_chk(fd: c_int, to: *mut c_void, size: size_t, room: size_t, flags: c_int, from: *mut sockaddr, len: *mut socklen_t) -> ssize_t = socket::recvfrom_chk;
        SOCKET fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t = socket::recvmsg;
        SOCKET fn send(fd: c_int, from: *const c_void, size: size_t, flags: c_int) -> ssize_t = socket::send;
        SOCKET fn __send(fd: c_int, from: *const c_void, size: size_t, flags: c_int) -> ssize_t = socket::send;
        SOCKET fn sendto(fd: c_int, from: *const c_void, size: size_t, flags: c_int, to: *const sockaddr, len: socklen_t) -> ssize_t = socket::sendto;
        SOCKET fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t = socket::sendmsg;
        SOCKET fn connect(fd: c_int, to: *const sockaddr, len: socklen_t) -> c_int = socket::connect;
        SOCKET fn __connect(fd: c_int, to: *const sockaddr, len: socklen_t) -> c_int = socket::connect;
        SOCKET fn accept(fd: c_int, from: *mut sockaddr, len: *mut socklen_t) -> c_int = socket::accept;
        SOCKET fn accept4(fd: c_int, from: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int = socket::accept4;

        SELECT fn poll(fds: *mut pollfd, count: nfds_t, ms: c_int) -> c_int = ready::poll;
        SELECT fn __poll(fds: *mut pollfd, count: nfds_t, ms: c_int) -> c_int = ready::poll;
        SELECT fn __poll_chk(fds: *mut pollfd, count: nfds_t, ms: c_int, room: size_t) -> c_int = ready::poll_chk;
        SELECT fn ppoll(fds: *mut pollfd, count: nfds_t, time: *const timespec, mask: *const sigset_t) -> c_int = ready::ppoll;
        SELECT fn __ppoll_chk(fds: *mut pollfd, count: nfds_t, time: *const timespec, mask: *const sigset_t, room: size_t) -> c_int = ready::ppoll_chk;
        SELECT fn select(count: c_int, r: *mut fd_set, w: *mut fd_set, e: *mut fd_set, time: *mut timeval) -> c_int = ready::select;
        SELECT fn __select(count: c_int, r: *mut fd_set, w: *mut fd_set, e: *mut fd_set, time: *mut timeval) -> c_int = ready::select;
        SELECT fn pselect(count: c_int, r: *mut fd_set, w: *mut fd_set, e: *mut fd_set, time: *const timespec, mask: *const sigset_t) -> c_int = ready::pselect;
        SELECT fn epoll_wait(fd: c_int, events: *mut epoll_event, most: c_int, ms: c_int) -> c_int = ready::epoll_wait;
        SELECT fn epoll_pwait(fd: c_int, events: *mut epoll_event, most: c_int, ms: c_int, mask: *const sigset_t) -> c_int = ready::epoll_pwait;
        SELECT fn epoll_pwait2(fd: c_int, events: *mut epoll_event, most: c_int, time: *const timespec, mask: *const sigset_t) -> c_int = ready::epoll_pwait2;

        PROCESS fn wait(status: *mut c_int) -> pid_t = child::wait;
        PROCESS fn __wait(status: *mut c_int) -> pid_t = child::wait;
        PROCESS fn wait3(status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t = child::wait3;
        PROCESS fn wait4(pid: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t = child::wait4;
        PROCESS fn waitpid(pid: pid_t, status: *mut c_int, options: c_int) -> pid_t = child::waitpid;
        PROCESS fn __waitpid(pid: pid_t, status: *mut c_int, options: c_int) -> pid_t = child::waitpid;
        PROCESS fn waitid(kind: idtype_t, id: id_t, info: *mut siginfo_t, options: c_int) -> c_int = child::waitid;
    } };
}

/// Exports the hooks from the program that says this, once, outside of any function: the blocking calls of the whole process
/// come through them, and yield as soon as [`monkey::patch_all`](crate::monkey::patch_all) says so.
///
/// ```no_run
/// patchall::export_hooks!();
///
/// fn main() {
///     patchall::monkey::patch_all();
/// }
/// ```
#[macro_export]
macro_rules! export_hooks {
    () => {
        const _: () = {
            $crate::export_preloaded_hooks!();

            /// See [`patchall::hooks`](https://docs.rs/patchall). std's locks come through here.
            ///
            /// # Safety
            /// As for the function of libc it stands before.
            #[unsafe(no_mangle)]
            unsafe extern "C-unwind" fn syscall(
                number: $crate::hooks::types::c_long,
                a: usize,
                b: usize,
                c: usize,
                d: usize,
                e: usize,
                f: usize,
            ) -> $crate::hooks::types::c_long {
                // SAFETY: the caller's arguments.
                unsafe { $crate::hooks::syscall(number, [a, b, c, d, e, f]) }
            }

            #[used]
            #[unsafe(link_section = ".init_array")]
            static EXPORTED: extern "C" fn() = $crate::hooks::exported;
        };
    };
}

/// As [`export_hooks!`], without `syscall`, for a library that is preloaded into programs that know nothing of it.
#[doc(hidden)]
#[macro_export]
macro_rules! export_preloaded_hooks {
    () => {
        const _: () = {
            #[allow(unused_imports)]
            use $crate::hooks::types::*;
            $crate::__hook_table!($crate::__export_hook);
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_hook {
    ($($group:ident fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $serve:path;)*) => {$(
        /// See [`patchall::hooks`](https://docs.rs/patchall).
        ///
        /// # Safety
        /// As for the function of libc it stands before.
        #[unsafe(no_mangle)]
        unsafe extern "C-unwind" fn $name($($arg: $ty),*) -> $ret {
            // SAFETY: the caller's arguments.
            unsafe { $crate::hooks::entry::$name($($arg),*) }
        }
    )*};
}

/// The types of the table, so that it can be used without the libc crate.
#[doc(hidden)]
pub mod types {
    pub use core::ffi::{c_int, c_long, c_uint, c_void};
    pub use libc::{
        clockid_t, epoll_event, fd_set, id_t, idtype_t, iovec, msghdr, nfds_t, pid_t, pollfd, rusage, siginfo_t,
        sigset_t, size_t, sockaddr, socklen_t, ssize_t, timespec, timeval,
    };
}

macro_rules! entries {
    ($($group:ident fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $serve:path;)*) => {
        /// The names of all hooked symbols.
        pub const SYMBOLS: &[&str] = &[$(stringify!($name)),*];

        /// What the exported symbols do first.
        #[doc(hidden)]
        #[allow(clippy::missing_safety_doc)]
        pub mod entry {
            use super::super::*;
            use super::types::*;
            use crate::monkey::Groups;
            $(
                /// As the function of libc.
                #[inline(always)]
                pub unsafe fn $name($($arg: $ty),*) -> $ret {
                    match crate::task::hooked() {
                        // SAFETY: the caller's arguments.
                        Some(s) if Groups::$group.any_is_patched() => unsafe { $serve(s, $($arg),*) },
                        // SAFETY: the caller's arguments.
                        _ => unsafe { real::$name($($arg),*) },
                    }
                }
            )*
        }

        /// Where libc's own functions are.
        mod at {
            use super::super::real::Real;
            $(
                #[allow(non_upper_case_globals)]
                pub(super) static $name: Real = Real::new(
                    // SAFETY: the name of a function followed by a zero byte.
                    unsafe { core::ffi::CStr::from_bytes_with_nul_unchecked(concat!(stringify!($name), "\0").as_bytes()) }
                );
            )*
        }

        /// Looks all of libc's own functions up.
        pub(crate) fn find_all() {
            $(at::$name.get();)*
        }

        /// libc's own functions.
        pub mod real {
            use super::at;
            use super::types::*;
            $(
                /// libc's own function of this name.
                #[allow(clippy::missing_safety_doc)]
                #[inline(always)]
                pub unsafe fn $name($($arg: $ty),*) -> $ret {
                    // SAFETY: the function of this name has this type (its manual page).
                    let f: unsafe extern "C-unwind" fn($($ty),*) -> $ret = unsafe { core::mem::transmute(at::$name.get()) };
                    // SAFETY: the caller's arguments.
                    unsafe { f($($arg),*) }
                }
            )*
        }
    };
}
crate::__hook_table!(entries);
