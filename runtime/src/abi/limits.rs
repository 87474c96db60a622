//! Resource limits of the process that concern the engine: setrlimit(2), prlimit(2).
//!
//! Under RLIMIT_AS reserved address space counts as used address space does. So the engine reserves little when the limit is
//! there at the start, and when the program sets it later, what is reserved and not used goes back before the kernel is
//! asked. A limit that another process sets (prlimit with a pid) is not noticed.

use super::{Step, stacks};
use crate::process;
use crate::sched::thread::ThreadRef;
use crate::sched::{carrier, os_thread, timer};
use crate::sys::{self, nr, user};

/// How many threads there is room for under RLIMIT_AS.
pub(crate) const FEW_THREADS: usize = 1 << 14;
/// And helpers.
pub(crate) const FEW_HELPERS: usize = 64;

/// Whether RLIMIT_AS is set: reserved address space counts then.
pub(crate) fn address_space_is_limited() -> bool {
    let mut limit = [0u64; 2];
    // SAFETY: prlimit64 writes two words.
    let r =
        unsafe { sys::syscall4(nr(libc::SYS_prlimit64), 0, libc::RLIMIT_AS as usize, 0, limit.as_mut_ptr() as usize) };
    sys::is_err(r) || limit[0] != libc::RLIM_INFINITY
}

/// setrlimit(2).
pub(crate) fn setrlimit(t: ThreadRef) -> Step {
    about_to_set(t.arg(0), t.arg(1));
    Step::Native
}

/// prlimit(2).
pub(crate) fn prlimit64(t: ThreadRef) -> Step {
    let whose = t.arg(0) as i32;
    if whose == 0 || whose == process::pid() {
        about_to_set(t.arg(1), t.arg(2));
    }
    Step::Native
}

fn about_to_set(resource: usize, at: usize) {
    if resource != libc::RLIMIT_AS as usize || at == 0 {
        return;
    }
    if user::get::<u64>(at).is_ok_and(|soft| soft != libc::RLIM_INFINITY) {
        stacks::trim();
        os_thread::trim(2 * carrier::count() + FEW_HELPERS);
        timer::trim(FEW_THREADS);
    }
}
