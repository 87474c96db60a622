//! The one handler the kernel knows, for every signal the engine takes part in.
//!
//! It runs on the OS thread's alternate stack with everything but faults blocked, does the least, and returns through the
//! kernel: either to where it came from, or to the hub, when it has stored the interrupted context in the thread's record.
//! It takes no lock that engine code can hold while it is interrupted: inside the engine it only puts the signal into the
//! inbox.

use super::inbox::Inbox;
use super::{action, signalfd};
use crate::sched::os_thread::{OsThread, Trap};
use crate::sched::{broadcast, debug, idle, tick};
use crate::sys::kernel::{SA_RESTORER, SigAction, SigInfo, UContext};
use crate::sys::{self, nr, user};
use core::arch::naked_asm;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::*;

/// What came and was not routed yet.
pub(super) static INBOX: Inbox = Inbox::new();

/// Signals that stay open in every OS thread: the engine's own and the faults.
pub(crate) const NEVER_BLOCKED: u64 = FAULTS | 1 << (tick::SIGNAL - 1);
const FAULTS: u64 = super::bit(libc::SIGSEGV)
    | super::bit(libc::SIGBUS)
    | super::bit(libc::SIGILL)
    | super::bit(libc::SIGTRAP)
    | super::bit(libc::SIGFPE)
    | super::bit(libc::SIGSYS);

/// Makes [`on_signal`] the kernel's handler for `sig`, with those of the program's flags that the kernel must know. Answers as the
/// kernel does, which refuses only where a sandbox has it refuse.
pub(crate) fn install(sig: i32, flags: u64) -> isize {
    // Calls that the kernel makes for the program must not end because of a tick.
    let flags = if sig == tick::SIGNAL { libc::SA_RESTART as u64 } else { flags };
    let kept = flags & (libc::SA_RESTART | libc::SA_NOCLDSTOP | libc::SA_NOCLDWAIT) as u64;
    let ours = (libc::SA_SIGINFO | libc::SA_ONSTACK) as u64 | SA_RESTORER;
    let a = SigAction {
        handler: on_signal as *const () as usize,
        flags: kept | ours,
        restorer: kernel_restorer as *const () as usize,
        mask: !FAULTS,
    };
    // SAFETY: the kernel copies the structure; the handler is async-signal-safe.
    unsafe { sys::syscall4(nr(libc::SYS_rt_sigaction), sig as usize, &raw const a as usize, 0, 8) }
}

/// Returns from the engine's own handler, past the gate. The byte pattern is the one unwinders and debuggers know.
#[unsafe(naked)]
unsafe extern "C" fn kernel_restorer() {
    naked_asm!("mov rax, 15", "syscall")
}

unsafe extern "C" fn on_signal(sig: i32, info: *mut SigInfo, uc: *mut UContext) {
    // SAFETY: the kernel passes a complete siginfo and context, which nobody else looks at.
    let (info, uc) = unsafe { (&*info, &mut *uc) };
    let fault = FAULTS & super::bit(sig) != 0 && info.code > 0;
    if fault && let Some(pc) = user::fixup(uc.mcontext.rip as usize) {
        uc.mcontext.rip = pc as u64;
        return;
    }
    if broadcast::is_ours(info) {
        return broadcast::on_signal();
    }
    if debug::signals() & super::bit(sig) != 0 {
        return debug::dump();
    }
    let Some(os) = OsThread::here() else {
        // A thread that is none of ours: as if we were not there.
        // SAFETY: the context is the kernel's.
        return unsafe { action::run_natively(sig, info, uc) };
    };
    if tick::is_ours(info) {
        // First, so that who leaves something there from now on kicks again.
        os.kicked.store(false, SeqCst);
        signalfd::on_tick();
        // SAFETY: as above.
        return unsafe { tick::on_signal(os, info, uc) };
    }
    let t = os.current.load(Relaxed);
    let running = !t.is_null() && os.inside.load(Relaxed) == 0 && !tick::in_entry_or_exit(uc);
    if fault {
        // SAFETY: `t` is the running thread's record.
        return unsafe { on_fault(os, t, running, info, uc) };
    }
    INBOX.post(info);
    if running {
        // SAFETY: as above.
        if let Some(t) = unsafe { t.as_ref() }
            && !t.vfork.get()
            && store(os, t, uc)
        {
            tick::go_to_hub(os, uc, Trap::Tick);
        }
    } else if t.is_null() {
        idle::rouse(os);
        crate::reactor::kick();
    } else if crate::arch::EXIT_CRITICAL.contains(uc.mcontext.rip as usize) {
        // On its way out with the record still whole: back to the hub, which looks again.
        tick::go_to_hub(os, uc, Trap::Again);
    } else {
        // In the engine, perhaps after its last look at the inbox.
        os.resched.store(true, Relaxed);
    }
}

/// Puts the interrupted context into the thread's record. False when there is no room for it now.
fn store(os: &OsThread, t: &crate::sched::thread::Thread, uc: &UContext) -> bool {
    let spare = os.spare.get();
    // SAFETY: the kernel's frame is complete; a spare record is the OS thread's own.
    if spare.is_null() || !unsafe { (*spare).store(uc) } {
        return false;
    }
    os.spare.set(null_mut());
    t.saved.set(spare);
    true
}

/// SIGSEGV and its kin, raised by an instruction.
///
/// # Safety
/// `t` is the OS thread's current thread or null, `uc` the kernel's.
unsafe fn on_fault(
    os: &OsThread,
    t: *const crate::sched::thread::Thread,
    running: bool,
    info: &SigInfo,
    uc: &mut UContext,
) {
    // SAFETY: by contract.
    let Some(t) = (unsafe { t.as_ref() }).filter(|_| running) else {
        report_own_fault(info.signo, uc);
        return action::let_default_happen(info.signo);
    };
    action::name_overflow(t, info, uc);
    // A blocked or ignored fault kills (kernel/signal.c, force_sig_info_to_task).
    if !action::has_handler(info.signo) || t.signals.mask() & super::bit(info.signo) != 0 {
        return action::let_default_happen(info.signo);
    }
    if t.vfork.get() || !store(os, t, uc) {
        // SAFETY: the context is the kernel's.
        return unsafe { action::run_natively(info.signo, info, uc) };
    }
    t.signals.pending.push(info);
    tick::go_to_hub(os, uc, Trap::Tick);
}

#[cold]
fn report_own_fault(sig: i32, uc: &UContext) {
    let mut line = *b"patchall: internal error: fault in the engine, signal 00 at 0x0000000000000000\n";
    line[54] = b'0' + (sig / 10) as u8;
    line[55] = b'0' + (sig % 10) as u8;
    let mut pc = uc.mcontext.rip;
    for k in (62..78).rev() {
        line[k] = b"0123456789abcdef"[(pc & 15) as usize];
        pc >>= 4;
    }
    sys::stderr(&line);
}

/// For the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(super) unsafe fn after_fork() {
    INBOX.forget();
}
