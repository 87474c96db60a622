//! Dispositions: what the program said is to be done with each signal, and what the kernel is told.
//!
//! The kernel has our handler for every signal the program handles, for SIGSEGV and SIGBUS always, for the tick, and for
//! signals with the default action that some thread has blocked (a mask of virtual threads cannot keep the kernel from
//! killing us, so we take the signal and do the default action ourselves when it is delivered). Otherwise the kernel has
//! what the program asked for.

use super::handler;
use crate::sched::thread::{Thread, ThreadRef};
use crate::sched::{debug, tick};
use crate::sys::kernel::{SigAction, SigInfo, UContext};
use crate::sys::spin::Spin;
use crate::sys::{self, nr};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::*};

struct Actions([SigAction; super::NSIG + 1]);

static ACTIONS: Spin<Actions> =
    Spin::new(Actions([const { SigAction { handler: 0, flags: 0, restorer: 0, mask: 0 } }; super::NSIG + 1]));
/// An address near the beginning of the stack that the process began with, or 0.
static MAIN_STACK: AtomicUsize = AtomicUsize::new(0);
/// Signals for which the kernel has our handler.
static OURS: AtomicU64 = AtomicU64::new(0);
/// Those of them that are ignored, and ours only because the first thread blocks them: then they are pending instead
/// (kernel/signal.c, sig_ignored).
static HELD: AtomicU64 = AtomicU64::new(0);

/// What is to be done with a signal now.
pub(super) enum Verdict {
    Ignore,
    Default,
    Handler(SigAction),
}

fn always_ours() -> u64 {
    super::bit(libc::SIGSEGV) | super::bit(libc::SIGBUS) | super::bit(tick::SIGNAL) | debug::signals()
}

fn ignored_by_default(sig: i32) -> bool {
    matches!(sig, libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT)
}

fn ignores(sig: i32, handler: usize) -> bool {
    handler == libc::SIG_IGN || handler == libc::SIG_DFL && ignored_by_default(sig)
}

/// Whether an ignored signal can be held. Not where SIG_IGN means more to the kernel: children reap themselves, and job
/// control goes by it.
fn can_be_held(sig: i32, handler: usize) -> bool {
    const MEANS_MORE: [i32; 4] = [libc::SIGCHLD, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    ignores(sig, handler) && !(handler == libc::SIG_IGN && MEANS_MORE.contains(&sig))
}

/// Decides, and resets a one-shot handler (SA_RESETHAND).
pub(super) fn verdict(sig: i32) -> Verdict {
    let mut all = ACTIONS.lock();
    let a = all.0[sig as usize];
    match a.handler {
        h if ignores(sig, h) => Verdict::Ignore,
        libc::SIG_DFL => Verdict::Default,
        _ => {
            if a.flags & libc::SA_RESETHAND as u64 != 0 {
                all.0[sig as usize] = SigAction::default();
                drop(all);
                tell_kernel(sig, &SigAction::default(), false);
            }
            Verdict::Handler(a)
        }
    }
}

/// Whether the program handles a signal.
pub(super) fn has_handler(sig: i32) -> bool {
    ACTIONS.lock().0[sig as usize].handler > libc::SIG_IGN
}

/// Whether the kernel has our handler for a signal, so that it can be treated without the kernel.
pub(super) fn is_ours(sig: i32) -> bool {
    OURS.load(Relaxed) & super::bit(sig) != 0
}

/// Whether a signal does nothing when it is delivered.
pub(super) fn is_ignored(sig: i32) -> bool {
    ignores(sig, ACTIONS.lock().0[sig as usize].handler)
}

/// Whether a signal kills or stops the process when it is delivered.
pub(super) fn is_default(sig: i32) -> bool {
    let handler = ACTIONS.lock().0[sig as usize].handler;
    handler == libc::SIG_DFL && !ignored_by_default(sig)
}

fn set_kernel(sig: i32, a: &SigAction) {
    // SAFETY: the kernel copies the structure; only SIG_DFL, SIG_IGN or our own handler are ever set.
    unsafe { sys::syscall4(nr(libc::SYS_rt_sigaction), sig as usize, core::ptr::from_ref(a) as usize, 0, 8) };
}

/// Tells the kernel what it must know of the program's wish.
fn tell_kernel(sig: i32, a: &SigAction, keep_ours: bool) {
    let ours = a.handler > libc::SIG_IGN || keep_ours || always_ours() & super::bit(sig) != 0;
    if ours {
        handler::install(sig, a.flags);
        OURS.fetch_or(super::bit(sig), SeqCst);
    } else {
        OURS.fetch_and(!super::bit(sig), SeqCst);
        set_kernel(
            sig,
            &SigAction {
                flags: a.flags & (libc::SA_NOCLDSTOP | libc::SA_NOCLDWAIT) as u64,
                handler: a.handler,
                ..Default::default()
            },
        );
    }
}

/// The program's action for a signal.
pub(super) fn get(sig: i32) -> SigAction {
    ACTIONS.lock().0[sig as usize]
}

/// Sets it. `blocked`: the caller blocks the signal. True: what is pending of it is to be thrown away (sigaction(2)).
pub(super) fn set(sig: i32, a: &SigAction, blocked: bool) -> bool {
    let ignored = ignores(sig, a.handler);
    let mut all = ACTIONS.lock();
    all.0[sig as usize] = *a;
    HELD.fetch_and(!super::bit(sig), SeqCst);
    tell_kernel(sig, a, blocked && a.handler == libc::SIG_DFL && !ignored);
    if blocked {
        hold_one(sig, a);
    }
    ignored
}

/// Makes an ignored signal ours. Under the lock.
fn hold_one(sig: i32, a: &SigAction) {
    if can_be_held(sig, a.handler) && !is_ours(sig) {
        // Calls that have nothing to do with it are not to fail.
        handler::install(sig, a.flags | libc::SA_RESTART as u64);
        OURS.fetch_or(super::bit(sig), SeqCst);
        HELD.fetch_or(super::bit(sig), SeqCst);
    }
}

/// The first thread is about to block these: the ignored ones are pending from now on.
pub(super) fn hold(set: u64) {
    each(set & !super::UNBLOCKABLE & !OURS.load(Relaxed), |sig| {
        let all = ACTIONS.lock();
        hold_one(sig, &all.0[sig as usize]);
    });
}

/// The first thread no longer blocks these: the kernel may ignore them again.
pub(super) fn let_go(set: u64) {
    each(set & HELD.load(SeqCst), |sig| {
        let all = ACTIONS.lock();
        if HELD.fetch_and(!super::bit(sig), SeqCst) & super::bit(sig) != 0 {
            tell_kernel(sig, &all.0[sig as usize], false);
        }
    });
}

fn each(mut set: u64, mut f: impl FnMut(i32)) {
    while set != 0 {
        f(set.trailing_zeros() as i32 + 1);
        set &= set - 1;
    }
}

/// Makes the tick's signal ours, before anything depends on it: by this one it shows whether a sandbox refuses.
pub(super) fn claim_tick() -> Result<(), i32> {
    let mut a = SigAction::default();
    // SAFETY: the kernel fills the structure.
    let mut r = unsafe { sys::syscall4(nr(libc::SYS_rt_sigaction), tick::SIGNAL as usize, 0, &raw mut a as usize, 8) };
    if !sys::is_err(r) {
        ACTIONS.lock().0[tick::SIGNAL as usize] = a;
        OURS.fetch_or(super::bit(tick::SIGNAL), SeqCst);
        r = handler::install(tick::SIGNAL, a.flags);
    }
    if sys::is_err(r) { Err(-r as i32) } else { Ok(()) }
}

/// Undoes that: the gate does not open.
pub(super) fn give_tick_back() {
    OURS.fetch_and(!super::bit(tick::SIGNAL), SeqCst);
    set_kernel(tick::SIGNAL, &get(tick::SIGNAL));
}

/// Takes over all dispositions, when the gate opens.
pub(super) fn adopt() {
    // SAFETY: the names are zero-terminated; the loader's variable, if there is one, holds an address of main's stack.
    unsafe {
        let end = libc::dlsym(libc::RTLD_DEFAULT, c"__libc_stack_end".as_ptr()).cast::<usize>();
        MAIN_STACK.store(end.as_ref().copied().unwrap_or(0), Relaxed);
    }
    let mut all = ACTIONS.lock();
    for sig in 1..=super::NSIG as i32 {
        if matches!(sig, libc::SIGKILL | libc::SIGSTOP | tick::SIGNAL) {
            continue;
        }
        let mut a = SigAction::default();
        // SAFETY: the kernel fills the structure.
        let r = unsafe { sys::syscall4(nr(libc::SYS_rt_sigaction), sig as usize, 0, &raw mut a as usize, 8) };
        if sys::is_err(r) {
            continue;
        }
        if debug::signals() & super::bit(sig) != 0 {
            a = SigAction::default();
        }
        all.0[sig as usize] = a;
        if a.handler > libc::SIG_IGN || always_ours() & super::bit(sig) != 0 {
            tell_kernel(sig, &a, false);
        }
    }
}

/// A thread is about to block `mask`: those with a deadly default are ours from now on.
pub(super) fn about_to_block(mask: u64) {
    // glibc blocks everything for a moment around thread creation and the like (internal-signals.h: all bits). No program
    // can ask for that: libc keeps 32 and 33 out of its masks.
    if mask == !0 {
        return;
    }
    const HARMLESS: u64 =
        super::bit(libc::SIGCHLD) | super::bit(libc::SIGURG) | super::bit(libc::SIGWINCH) | super::bit(libc::SIGCONT);
    take_over(mask & !HARMLESS & !super::UNBLOCKABLE, false);
}

/// Makes the kernel give us these signals, although the program does not handle them: those with the default action, and
/// with `ignored` also those it ignores (a signal that somebody waits for is taken even then, if it is blocked).
pub(super) fn take_over(set: u64, ignored: bool) {
    each(set & !OURS.load(Relaxed), |sig| {
        let all = ACTIONS.lock();
        let disposition = all.0[sig as usize].handler;
        if disposition == libc::SIG_DFL || ignored && can_be_held(sig, disposition) {
            handler::install(sig, all.0[sig as usize].flags);
            OURS.fetch_or(super::bit(sig), SeqCst);
        }
    });
}

fn raise_natively(sig: i32) {
    let (open, mut before) = (super::bit(sig), 0u64);
    // SAFETY: masks of our own; the signal is sent to the calling OS thread.
    unsafe {
        let (pid, tid) = (sys::syscall0(nr(libc::SYS_getpid)), sys::syscall0(nr(libc::SYS_gettid)));
        sys::syscall3(nr(libc::SYS_tgkill), pid as usize, tid as usize, sig as usize);
        let before_at = &raw mut before as usize;
        sys::syscall4(nr(libc::SYS_rt_sigprocmask), libc::SIG_UNBLOCK as usize, &raw const open as usize, before_at, 8);
        sys::syscall4(nr(libc::SYS_rt_sigprocmask), libc::SIG_SETMASK as usize, &raw const before as usize, 0, 8);
    }
}

/// Does what the kernel would do by default: stops or kills the process, with the right status.
pub(super) fn default(_: ThreadRef, sig: i32) {
    if !matches!(sig, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU | libc::SIGSTOP) {
        crate::process::report();
    }
    set_kernel(sig, &SigAction::default());
    raise_natively(sig);
    // Only a stop gets here, when it is over.
    tell_kernel(sig, &SigAction::default(), true);
}

/// Lets an instruction that faulted do so again without us: the process dies as it would have.
pub(super) fn let_default_happen(sig: i32) {
    crate::process::report();
    set_kernel(sig, &SigAction::default());
}

/// In a thread that the engine does not run: the program's handler, as the kernel would have called it.
///
/// # Safety
/// Called from the kernel's handler with its own arguments.
pub(super) unsafe fn run_natively(sig: i32, info: &SigInfo, uc: &mut UContext) {
    match verdict(sig) {
        Verdict::Ignore => {}
        Verdict::Default => let_default_happen(sig),
        Verdict::Handler(a) => {
            // SAFETY: the program registered a function of this type; SA_SIGINFO or not, the extra arguments are harmless.
            let f: extern "C" fn(i32, *const SigInfo, *mut UContext) = unsafe { core::mem::transmute(a.handler) };
            f(sig, info, uc);
        }
    }
}

/// Names the thread whose stack has no room left. The kernel kills it a moment later, unless the program handles it.
pub(super) fn name_overflow(t: &Thread, info: &SigInfo, uc: &UContext) {
    let addr = info.fields[0] as usize;
    if info.signo != libc::SIGSEGV || has_handler(libc::SIGSEGV) {
        return;
    }
    let near_sp = addr.abs_diff(uc.mcontext.rsp as usize) < 1 << 20;
    if !near_sp {
        return;
    }
    if crate::abi::stacks::is_guard(addr) || t.main.get() && below_mains_stack(addr) {
        crate::process::say_overflow(t);
    }
}

/// Whether the first stack, which grows by itself, may not grow to `addr`: about RLIMIT_STACK below where it began (setrlimit(2)).
fn below_mains_stack(addr: usize) -> bool {
    const ABOUT: u64 = 1 << 20;
    let mut limit = [0u64; 2];
    // SAFETY: prlimit64 writes two words.
    unsafe { sys::syscall4(nr(libc::SYS_prlimit64), 0, libc::RLIMIT_STACK as usize, 0, limit.as_mut_ptr() as usize) };
    let depth = MAIN_STACK.load(Relaxed).saturating_sub(addr) as u64;
    limit[0] != libc::RLIM_INFINITY && depth.abs_diff(limit[0]) < ABOUT
}

/// The program is about to be replaced: what it ignores, the next one ignores (execve(2)).
pub(super) fn before_exec() {
    let all = ACTIONS.lock();
    for sig in 1..=super::NSIG as i32 {
        if OURS.load(Relaxed) & super::bit(sig) != 0 && all.0[sig as usize].handler == libc::SIG_IGN {
            set_kernel(sig, &all.0[sig as usize]);
        }
    }
}

/// The program was not replaced after all.
pub(super) fn after_failed_exec() {
    let all = ACTIONS.lock();
    for sig in 1..=super::NSIG as i32 {
        if OURS.load(Relaxed) & super::bit(sig) != 0 {
            handler::install(sig, all.0[sig as usize].flags);
        }
    }
}

/// For the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(super) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { ACTIONS.reset() };
}
