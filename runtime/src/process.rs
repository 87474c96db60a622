//! The process as the engine sees it: opening the gate, forking, the report at the end.

use crate::abi::{self, Step, futex, limits, signal, stacks};
use crate::sched::os_thread::OsThread;
use crate::sched::thread::ThreadRef;
use crate::sched::{carrier, debug, helper, hub, idle, os_thread, saved, spare, spawn, tick, tids, timer, watch};
use crate::sys::text::Text;
use crate::sys::{self, nr};
use crate::{arch, gate, reactor};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::*};

pub use crate::child::wait;

/// Process id, as of the opening of the gate or the last fork.
static PID: AtomicI32 = AtomicI32::new(0);
static OPEN: AtomicBool = AtomicBool::new(false);
static SECOND_THREAD: AtomicBool = AtomicBool::new(false);

/// What the report counts beside what the OS threads do.
pub(crate) struct Stats {
    pub(crate) threads_made: AtomicU64,
}
pub(crate) static STATS: Stats = Stats { threads_made: AtomicU64::new(0) };

/// Called with every report (the shim prints it); set once, before the gate opens.
static REPORTER: AtomicU64 = AtomicU64::new(0);
static REPORTED: AtomicBool = AtomicBool::new(false);

/// The process id.
#[inline(always)]
pub(crate) fn pid() -> i32 {
    PID.load(Relaxed)
}

/// To be called when the library is loaded, before the program runs: notes which descriptors are inherited, and looks up
/// libc's functions behind the hooks.
pub fn at_load() {
    reactor::at_load();
    crate::sched::cpu_clock::at_load();
    crate::hooks::find_all();
}

/// Runs `f` on a stack of its own, so that next to nothing is taken of the caller's; on the caller's if there is no memory.
pub fn on_own_stack(f: fn()) {
    IN_HANDLER.store(signal::on_alternate_stack(), Relaxed);
    crate::own_stack::run(f);
}
/// Whoever is on a stack of its own came from a handler on an alternate signal stack.
static IN_HANDLER: AtomicBool = AtomicBool::new(false);

/// Has a list of all threads, with what each waits for, appended to `file` whenever the signal comes. Takes that signal from
/// the program; to be called before it has set anything up.
pub fn dump_on(signal: i32, file: &'static core::ffi::CStr) {
    debug::dump_on(signal, file);
}

/// Whether the gate is open: the process's threads are virtual.
pub fn is_open() -> bool {
    OPEN.load(Acquire)
}

/// Why the program's threads stay native.
#[derive(Debug)]
pub enum Refusal {
    /// The kernel or the processor lacks something.
    Lacks(&'static str),
    /// The kernel refused memory or descriptors: what for, and errno.
    Denied(&'static str, i32),
    /// The gate could not be made.
    Gate(String),
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Refusal::Lacks(what) => write!(f, "{what}"),
            Refusal::Denied(what, errno) => write!(f, "{what}: {}", std::io::Error::from_raw_os_error(*errno)),
            Refusal::Gate(why) => write!(f, "{why}"),
        }
    }
}

/// What the engine is told.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many virtual threads may run at once.
    pub carriers: usize,
    /// Nanoseconds a thread may compute while others wait; 0: no preemption.
    pub slice_ns: u64,
    /// A carrier that is stuck in the kernel gives its role to another OS thread.
    pub handover: bool,
    /// Without that: who was stuck is told on standard error.
    pub warn: bool,
}

/// Opens the gate: from now on, threads that are made are virtual. The process must have one thread, the caller.
///
/// # Errors
/// The reason why it stays shut; the process is as before then.
pub fn open(settings: &Settings) -> Result<(), Refusal> {
    if is_open() {
        return Ok(());
    }
    if !arch::fsgsbase() {
        return Err(Refusal::Lacks(
            "the kernel does not let programs set FS (no FSGSBASE: Linux before 5.9, nofsgsbase, or valgrind)",
        ));
    }
    if !saved::check() {
        return Err(Refusal::Lacks("the processor's extended state is larger than patchall knows"));
    }
    sys::vdso::init();
    // SAFETY: getpid has no effect.
    PID.store(unsafe { sys::syscall0(nr(libc::SYS_getpid)) } as i32, Relaxed);
    carrier::set_count(settings.carriers);
    tick::set_slice(settings.slice_ns);
    watch::set(settings.handover, settings.warn);
    let (os, t) = prepare(limits::address_space_is_limited()).inspect_err(|_| {
        // SAFETY: nothing of the engine runs yet, and what is patched passes everything through.
        unsafe {
            reactor::give_up();
            timer::give_up();
            os_thread::give_up();
        }
    })?;
    t.main.set(true);
    t.call.deadline.set(timer::NEVER);
    t.fp_control.set(arch::fp_control());
    tids::adopt(t, pid() as u32);
    adopt_libc_state(t);
    signal::init(t);
    crate::sched::cpu_clock::init();
    hub::adopt(os, t, &carrier::all()[0]);
    tick::arm(os);
    debug::publish();
    OPEN.store(true, Release);
    abi::virtualise(true);
    signal::sync_kernel_mask(os, true);
    Ok(())
}

/// Everything that can be refused. The last steps are the ones that show: the tick's handler, the alternate stack.
fn prepare(limited: bool) -> Result<(&'static OsThread, ThreadRef), Refusal> {
    if arch::tiles_permitted() {
        return Err(Refusal::Lacks(
            "the program uses the processor's tile registers (AMX), which are not kept for virtual threads",
        ));
    }
    // The kernel would put the alternate stack back at the end of the handler, past us.
    if IN_HANDLER.load(Relaxed) || signal::on_alternate_stack() {
        return Err(Refusal::Lacks("the first thread is made by a handler on an alternate signal stack"));
    }
    let denied = |what| move |errno| Refusal::Denied(what, errno);
    // Under RLIMIT_AS every reservation is paid for by the program.
    let few = 2 * carrier::count() + limits::FEW_HELPERS;
    os_thread::reserve(if limited { few } else { few + helper::MOST })
        .or_else(|_| os_thread::reserve(few))
        .map_err(denied("address space for carriers"))?;
    timer::init(if limited { limits::FEW_THREADS } else { 1 << 22 }).map_err(denied("address space for timers"))?;
    let os = OsThread::new().map_err(denied("memory for the first carrier"))?;
    let t = ThreadRef::new().map_err(denied("memory for the first thread"))?;
    let entries = gate::Entries { libc: arch::gate_entry(), full: arch::gate_entry_full(), wanted: abi::is_virtual };
    gate::open(entries).map_err(Refusal::Gate)?;
    reactor::init(if limited { 1 << 14 } else { 1 << 20 }).map_err(denied("descriptors for the event loop"))?;
    signal::claim_tick().map_err(denied("a signal handler"))?;
    let old = os.install_alt_stack().map_err(|errno| {
        signal::give_tick_back();
        Refusal::Denied("an alternate signal stack", errno)
    })?;
    signal::adopt_alternate_stack(t, old);
    Ok((os, t))
}

/// What the kernel keeps for the first thread and the engine takes over: robust list, tid word, restartable sequences.
fn adopt_libc_state(t: ThreadRef) {
    let (mut head, mut len) = (0usize, 0usize);
    // SAFETY: get_robust_list writes two words; libc's own area is given up with its own registration's size and signature.
    unsafe {
        sys::syscall3(nr(libc::SYS_get_robust_list), 0, &raw mut head as usize, &raw mut len as usize);
        sys::syscall2(nr(libc::SYS_set_robust_list), 0, len);
    }
    t.robust.set(head);
    crate::libc_state::unregister_rseq();
    let mut name = [0u8; 16];
    // SAFETY: PR_GET_NAME writes 16 bytes.
    unsafe { sys::syscall2(nr(libc::SYS_prctl), libc::PR_GET_NAME as usize, name.as_mut_ptr() as usize) };
    t.name.set(name);
}

/// Where libc keeps a thread's tid, relative to its FS: the first thread's word was given to the kernel long before us
/// (set_tid_address), but lies at the same place. Its joiner waits for it to be cleared.
pub(crate) fn learn_tid_word(offset: usize) {
    if !LEARNT.swap(true, SeqCst) {
        tids::each(|t| {
            if t.main.get() && t.clear_tid.get() == 0 {
                t.clear_tid.set(t.fs.get() as usize + offset);
            }
            !t.main.get()
        });
    }
}
static LEARNT: AtomicBool = AtomicBool::new(false);

/// A second thread is about to exist: the other carriers start, and who watches over them. False: it cannot, for want of
/// descriptors.
pub(crate) fn second_thread() -> bool {
    if !SECOND_THREAD.load(Relaxed) {
        // While it is false there is one thread, which is here.
        if reactor::complete().is_err() {
            return false;
        }
        SECOND_THREAD.store(true, SeqCst);
        // First, while nobody uses the descriptors, of which it must not keep copies.
        watch::start();
        spawn::start_carriers();
    }
    true
}

/// Whether the process has threads that are not virtual.
pub(crate) fn has_foreign_threads() -> bool {
    FOREIGN.load(Relaxed)
}
static FOREIGN: AtomicBool = AtomicBool::new(false);

/// A thread was made past the engine.
pub(crate) fn foreign_thread() {
    FOREIGN.store(true, SeqCst);
}

/// fork(2), by whichever call. In the child only the caller exists.
pub(crate) fn fork(t: ThreadRef) -> Step {
    let r = {
        // Nobody may be in the middle of these while the memory is copied.
        let _stacks = stacks::freeze();
        let _threads = ThreadRef::freeze_pool();
        let _saved = saved::SavedContext::freeze_pool();
        abi::clone::raw_fork(t)
    };
    if r == 0 {
        // SAFETY: this is the child, which has one thread.
        unsafe { after_fork(t) };
    }
    Step::Done(r)
}

/// # Safety
/// The calling OS thread is the only one.
unsafe fn after_fork(t: ThreadRef) {
    // SAFETY: getpid has no effect; for the rest by contract.
    unsafe {
        PID.store(sys::syscall0(nr(libc::SYS_getpid)) as i32, Relaxed);
        let Some(os) = OsThread::here() else { sys::die("fork off the hub") };
        for c in carrier::all() {
            c.after_fork();
        }
        idle::after_fork();
        crate::sched::broadcast::after_fork();
        spare::after_fork();
        watch::after_fork();
        timer::after_fork();
        tids::after_fork();
        futex::after_fork();
        abi::shared::after_fork();
        os.after_fork();
        reactor::after_fork();
        signal::after_fork(t);
        hub::after_fork(os, t);
        tick::arm(os);
    }
    abi::scheduling::hand_down(t);
    t.main.set(true);
    tids::adopt(t, pid() as u32);
    SECOND_THREAD.store(false, Relaxed);
    FOREIGN.store(false, Relaxed);
    REPORTED.store(false, Relaxed);
    STATS.threads_made.store(0, Relaxed);
    for os in os_thread::all() {
        os.counters.clear();
    }
}

/// execve(2): what the new program inherits of signals is ours, and goes to the kernel first.
pub(crate) fn execve(t: ThreadRef) -> Step {
    let (r, os) = (t.regs(), t.os());
    let hold = crate::sched::broadcast::hold();
    tick::silence(os);
    signal::before_exec(t);
    let cpus = abi::scheduling::hand_down(t);
    // SAFETY: the call the program made. It returns only when it fails.
    let result = unsafe {
        sys::syscall6(
            r.rax as usize,
            r.rdi as usize,
            r.rsi as usize,
            r.rdx as usize,
            r.r10 as usize,
            r.r8 as usize,
            r.r9 as usize,
        )
    };
    abi::scheduling::take_back(cpus);
    signal::after_failed_exec(t);
    tick::speak(os);
    drop(hold);
    Step::Done(result)
}

/// Sets what is called when the process ends.
pub fn set_reporter(f: fn(&Report)) {
    REPORTER.store(f as usize as u64, Relaxed);
}

/// Figures of a process; see the shim's documentation of `--stats`.
#[derive(Default)]
#[allow(missing_docs)]
pub struct Report {
    pub pid: i32,
    pub carriers: usize,
    pub kernel_threads_max: usize,
    pub threads_made: u64,
    pub switches: u64,
    pub preemptions: u64,
    pub migrations: u64,
    pub steals: u64,
    pub polls: u64,
}

impl Report {
    /// Parks by call: name and count, those that are not zero.
    pub fn parks(&self) -> impl Iterator<Item = (&'static str, u64)> {
        (0..abi::NUMBERS).filter_map(|n| {
            let count = os_thread::all().map(|os| os.counters.parks[n].get()).sum();
            (count > 0).then(|| (abi::name(n), count))
        })
    }
}

/// Collects the figures.
pub fn figures() -> Report {
    let mut r = Report {
        // SAFETY: getpid has no effect.
        pid: unsafe { sys::syscall0(nr(libc::SYS_getpid)) } as i32,
        carriers: carrier::count(),
        kernel_threads_max: os_thread::most().max(1),
        threads_made: STATS.threads_made.load(Relaxed),
        ..Default::default()
    };
    for os in os_thread::all() {
        r.switches += os.counters.switches.get();
        r.preemptions += os.counters.preemptions.get();
        r.migrations += os.counters.migrations.get();
        r.steals += os.counters.steals.get();
        r.polls += os.counters.polls.get();
    }
    r
}

/// The process ends: says so to whoever asked, once.
pub(crate) fn report() {
    let f = REPORTER.load(Relaxed) as usize;
    if f != 0 && !REPORTED.swap(true, SeqCst) {
        // SAFETY: stored by `set_reporter`.
        let f: fn(&Report) = unsafe { core::mem::transmute(f) };
        f(&figures());
    }
}

/// A thread ran out of stack.
pub(crate) fn say_overflow(t: &crate::sched::thread::Thread) {
    let mut line = Text::to(2);
    line.put(b"patchall: thread ").decimal(t.tid.get() as u64).put(b" \"").put_c(&t.name.get());
    line.put(b"\" has overflowed its stack\n").flush();
}

/// Whether reserved address space counts against a limit of the process's (RLIMIT_AS).
pub fn address_space_is_limited() -> bool {
    limits::address_space_is_limited()
}

/// CPUs this process may use: its affinity mask.
pub fn usable_cpus() -> usize {
    let mut set = [0u64; 16];
    // SAFETY: the kernel writes at most the given size.
    let r = unsafe { sys::syscall3(nr(libc::SYS_sched_getaffinity), 0, size_of_val(&set), set.as_mut_ptr() as usize) };
    if sys::is_err(r) { 1 } else { set.iter().map(|w| w.count_ones() as usize).sum::<usize>().max(1) }
}
