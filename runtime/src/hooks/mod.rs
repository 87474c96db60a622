//! The second way of yielding: symbols that stand before libc's.
//!
//! There are two ways by which a blocking call becomes a place where others run. The *gate* ([`crate::process::open`]) takes
//! the system calls inside libc: it sees everything, whoever calls (libc itself, stdio, the resolver), and makes virtual
//! threads of a program's threads; but it patches code, so it needs x86-64, glibc, and a kernel that lets it. The *hooks*
//! in this module stand before the functions of libc that a program calls by name. They patch nothing and work on any
//! architecture and under any restriction, but see only calls that go by the symbol: libc's calls to itself do not (see
//! [`LEFT_OUT`]), and they serve light coroutines ([`crate::spawn`]) only. So the gate carries unmodified programs,
//! and the hooks carry coroutines where there is no gate (`PATCHALL_GATE=off`) or where a thread has coroutines of its own,
//! which must have a turn when one of them blocks. A thread without coroutines pays a load and a branch for a hook, and goes
//! straight on to libc.
//!
//! With the gate open both are at work: a hooked call of a coroutine lets the thread's other coroutines run; when all
//! of them wait, the thread's own wait is a call of libc, which the gate turns into a park of the virtual thread.
//!
//! The two share the rules (try without blocking, wait, try again; descriptors' flags are never touched), the kernel's
//! readiness, and no code: the gate's side is a state machine that keeps nothing on a stack and allocates nothing,
//! since it runs where a program's malloc is interrupted; a hook runs as a function of the program, on a stack that may
//! be switched away.
//!
//! A program that links the crate says [`export_hooks!`](crate::export_hooks) once, and [`crate::monkey`] switches them on;
//! the preloaded library exports them, too.
//!
//! Each function here does as its manual page says, to the errno; how it waits is the subject of the files:
//!
//! | file | |
//! |---|---|
//! | `table` | the symbols, their types and the functions that serve them |
//! | `real` | libc's own functions |
//! | `transfer`, `socket`, `ready`, `time`, `child` | the calls |
//! | `futex` | the waits of std's locks, which go by syscall(2) |
//! | `left_out` | what is not hooked, and why |

mod child;
mod futex;
mod left_out;
mod ready;
pub(crate) mod real;
mod socket;
mod table;
mod time;
mod transfer;
mod wait;

#[doc(hidden)]
pub use futex::syscall;
pub use left_out::{LEFT_OUT, LeftOut};
pub(crate) use table::find_all;
#[doc(hidden)]
pub use table::real as original;
#[doc(hidden)]
pub use table::{SYMBOLS, entry, types};

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

static EXPORTED: AtomicBool = AtomicBool::new(false);

/// What [`export_hooks!`](crate::export_hooks) calls when the program is loaded.
#[doc(hidden)]
pub extern "C" fn exported() {
    EXPORTED.store(true, Relaxed);
}

/// Whether this program exports the hooks.
pub(crate) fn are_exported() -> bool {
    EXPORTED.load(Relaxed)
}
