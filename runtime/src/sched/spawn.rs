//! Making OS threads: those of the carriers, and, for whoever else needs one, [`spawn`].

use super::carrier;
use super::os_thread::OsThread;
use super::{broadcast, cpu_clock, hub, tick};
use crate::abi::signal;
use crate::arch;
use crate::sys::{self, nr};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::*;

/// Starts the OS threads of all carriers but the first. Called when the second virtual thread is made.
pub(crate) fn start_carriers() {
    for c in &carrier::all()[1..] {
        let Ok(os) = OsThread::new() else { return };
        hub::serve_role(os, c);
        if spawn(os, carrier_main, SHARED).is_err() {
            // Fewer carriers run as well: nothing is ever pushed to a queue that nobody serves.
            c.os.store(null_mut(), Relaxed);
            // SAFETY: it never began.
            unsafe { os.free() };
            return;
        }
    }
}

/// For [`spawn`]: with the descriptors of its maker.
pub(super) const SHARED: i32 = libc::CLONE_FILES;

/// Starts an OS thread of the engine's on `os`'s hub stack, with every signal blocked. It inherits what the kernel keeps for
/// the calling one.
pub(super) fn spawn(os: &'static OsThread, f: unsafe extern "C" fn(usize) -> !, files: i32) -> Result<(), i32> {
    let flags =
        files | libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_SIGHAND | libc::CLONE_THREAD | libc::CLONE_SYSVSEM;
    let all = !0u64;
    let mut before = 0u64;
    let _hold = broadcast::hold();
    // SAFETY: masks of our own; the new thread gets its own stack and never returns from `f`.
    let r = unsafe {
        sys::syscall4(
            nr(libc::SYS_rt_sigprocmask),
            libc::SIG_SETMASK as usize,
            &raw const all as usize,
            &raw mut before as usize,
            8,
        );
        os.kernel_mask.set(before);
        let r = arch::clone_thread(flags as usize, os.hub_stack_top(), f, &raw const *os as usize);
        sys::syscall4(nr(libc::SYS_rt_sigprocmask), libc::SIG_SETMASK as usize, &raw const before as usize, 0, 8);
        r
    };
    if sys::is_err(r) {
        return Err(-r as i32);
    }
    os.began(r as i32);
    Ok(())
}

unsafe extern "C" fn carrier_main(os: usize) -> ! {
    // SAFETY: `spawn` passes a record.
    begin(unsafe { &*(os as *const OsThread) })
}

/// The beginning of an OS thread that runs threads from its start.
pub(super) fn begin(os: &'static OsThread) -> ! {
    // SAFETY: gettid has no effect; the name is zero-terminated.
    unsafe {
        os.ktid.store(sys::syscall0(nr(libc::SYS_gettid)) as i32, Relaxed);
        sys::syscall2(nr(libc::SYS_prctl), libc::PR_SET_NAME as usize, c"patchall".as_ptr() as usize);
    }
    os.fs.set(arch::fs_base());
    if os.install_alt_stack().is_err() {
        // Handlers must not run on the program's stacks: one carrier less. Nobody else pushes to its queue.
        // SAFETY: set by `start_carriers`; carriers are static.
        match unsafe { os.carrier.load(Relaxed).as_ref() } {
            Some(c) => c.os.store(null_mut(), Relaxed),
            None => sys::die("no alternate signal stack for a thread that must have an OS thread of its own"),
        }
        os.ktid.store(0, SeqCst);
        arch::exit_thread();
    }
    cpu_clock::begin(os);
    tick::arm(os);
    signal::sync_kernel_mask(os, true);
    hub::turn_for_ever(os)
}
