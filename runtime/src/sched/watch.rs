//! The watchdog: an OS thread that attends to what the carriers cannot see while all of them run virtual threads.
//!
//! It looks every millisecond or few ([`Look::once`]):
//! * a carrier whose OS thread sleeps in the kernel, inside a virtual thread, while threads are ready, is *stuck*: a spare
//!   OS thread is given its role. Whoever was stuck finds no role when it comes to its hub next, queues its thread where
//!   it had the role, and is a spare itself;
//! * if nobody is idle, deadlines and descriptors are looked after, and a carrier that computes is kicked for what became
//!   ready. So a thread that sleeps is not late because others compute, and slices are not bound to the kernel's tick.
//!
//! It sleeps without a limit when no virtual thread runs; whoever runs one wakes it ([`awake`]). To have no barrier there,
//! the watchdog makes one everywhere between saying that it sleeps and looking whether anybody runs.
//!
//! Whether a thread sleeps is told by a file of /proc ([`asleep`]), for which a descriptor is needed. So that the program
//! never sees one of these, the watchdog has a descriptor table of its own, with the engine's event loop in it and nothing
//! of the program's: it is made while the program's first thread is in clone(2) and no other exists. Therefore it never
//! runs program code, never makes OS threads, and does not print.
//!
//! A role is a preference, not a lock: queues have locks of their own, and an OS thread that has just lost its role may do
//! what it is at. So nothing breaks if one is wrongly taken for stuck; there is one running thread more for a moment.

use super::asleep::{self, Tasks};
use super::carrier::{self, Carrier};
use super::os_thread::OsThread;
use super::spawn::spawn;
use super::thread::ThreadRef;
use super::{hub, idle, spare, tick, timer};
use crate::abi::{self, signal};
use crate::reactor;
use crate::sys::kernel::Timespec;
use crate::sys::text::Text;
use crate::sys::{self, nr};
use core::cell::Cell;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering::*};

/// Nanoseconds between two looks while somebody is idle, and while nobody is.
const SELDOM: u64 = 4_000_000;
const OFTEN: u64 = 2_000_000;
/// The same while all carriers are brisk: have made [`BRISK`] turns since the last look. They attend to deadlines and
/// descriptors themselves then.
const RARELY: u64 = 5_000_000;
const BRISK: u32 = 256;
/// The same after a hand-over, for [`QUICKLY_FOR`]: who comes next from that queue may get stuck, too. Who is found asleep in
/// the same call then is taken for stuck at once.
const QUICKLY: u64 = 100_000;
const QUICKLY_FOR: u64 = 5_000_000;
/// Otherwise two looks are never closer than this.
const LEAST: u64 = 150_000;
/// A thread that has slept in the kernel for so long is stuck.
const STUCK: u64 = 1_000_000;
/// Who has used so much CPU time since the last look computes.
const COMPUTES: u64 = 50_000;
/// Without hand-over, what holds others up for so long is told.
const TOLD: u64 = 10_000_000;
/// Looks at which nobody runs before the watchdog sleeps.
const IDLE_LOOKS: u32 = 3;

static HANDOVER: AtomicBool = AtomicBool::new(true);
static WARN: AtomicBool = AtomicBool::new(false);
static WATCHDOG: AtomicPtr<OsThread> = AtomicPtr::new(null_mut());
/// It sleeps until it is woken.
static ASLEEP: AtomicBool = AtomicBool::new(false);
/// Until when it does not look again, while it is the only one who would see that a deadline has come; else 0.
static UNTIL: AtomicU64 = AtomicU64::new(0);
/// It has a descriptor table of its own.
static READY: AtomicU32 = AtomicU32::new(0);

/// What the watchdog remembers of a carrier. It alone uses this.
pub(super) struct Seen {
    os: Cell<*const OsThread>,
    turns: Cell<u32>,
    /// CPU time at the last look.
    cpu: Cell<u64>,
    /// When it began to run the thread that it runs, as far as has been seen.
    since: Cell<u64>,
    /// When CPU time was last seen to have passed.
    ran: Cell<u64>,
    told: Cell<bool>,
}
// SAFETY: see above.
unsafe impl Sync for Seen {}

impl Seen {
    pub(super) const fn nothing() -> Self {
        Seen {
            os: Cell::new(null()),
            turns: Cell::new(0),
            cpu: Cell::new(0),
            since: Cell::new(0),
            ran: Cell::new(0),
            told: Cell::new(false),
        }
    }

    fn is_brisk(&self, os: &OsThread) -> bool {
        core::ptr::eq(self.os.get(), os) && os.turns.load(Relaxed).wrapping_sub(self.turns.get()) >= BRISK
    }
}

/// What an OS thread was stuck in while nobody could take its role. All-zero: nothing.
pub(crate) struct Stuck {
    since: AtomicU64,
    call: AtomicU64,
}

impl Stuck {
    fn note(&self, since: u64, call: i32) {
        self.call.store(call as u64, Relaxed);
        self.since.store(since, Release);
    }

    /// Tells what was noted, on behalf of the thread that was stuck.
    #[inline(always)]
    pub(super) fn report(&self, t: ThreadRef) {
        if self.since.load(Relaxed) != 0 {
            self.say(t);
        }
    }

    #[cold]
    fn say(&self, t: ThreadRef) {
        let since = self.since.swap(0, Acquire);
        let call = self.call.load(Relaxed) as i32;
        let mut line = Text::to(2);
        line.put(b"patchall: thread ").decimal(t.tid.get() as u64).put(b" \"").put_c(&t.name.get());
        line.put(b"\" held up others that were ready for ").seconds(sys::monotonic() - since).put(b" s, in ");
        match abi::NAMES.get(call as usize) {
            _ if call < 0 => line.put(b"a page fault"),
            Some(name) if name[0] != 0 => line.put_c(name),
            _ => line.put(b"system call ").decimal(call as u64),
        };
        line.put(b"; without PATCHALL_HANDOVER=0 they would have gone on\n").flush();
    }
}

/// Whether roles are handed over; whether it is told when they would have been.
pub(crate) fn set(handover: bool, warn: bool) {
    HANDOVER.store(handover, Relaxed);
    WARN.store(warn, Relaxed);
}

/// Starts the watchdog, and a first spare. The process has one thread.
pub(crate) fn start() {
    let Ok(os) = OsThread::new() else { return };
    if spawn(os, main, 0).is_err() {
        // SAFETY: it never began.
        unsafe { os.free() };
        return;
    }
    while READY.load(Acquire) == 0 {
        let op = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
        // SAFETY: a futex wait on a word of ours.
        unsafe { sys::syscall4(nr(libc::SYS_futex), READY.as_ptr() as usize, op, 0, 0) };
    }
    WATCHDOG.store((&raw const *os).cast_mut(), Release);
    if HANDOVER.load(Relaxed) {
        spare::keep_one();
    }
}

/// A virtual thread runs.
#[inline(always)]
pub(super) fn awake() {
    if ASLEEP.load(Relaxed) {
        wake();
    }
}

#[cold]
#[inline(never)]
fn wake() {
    // SAFETY: null or a record, which stays.
    if let Some(os) = unsafe { WATCHDOG.load(Acquire).as_ref() }
        && ASLEEP.swap(false, SeqCst)
    {
        idle::rouse(os);
    }
}

/// A deadline became the earliest one.
#[inline(always)]
pub(super) fn deadline_moved(at: u64) {
    if at < UNTIL.load(Relaxed) {
        UNTIL.store(0, Relaxed);
        // SAFETY: null or a record, which stays.
        if let Some(os) = unsafe { WATCHDOG.load(Acquire).as_ref() } {
            idle::rouse(os);
        }
    }
}

unsafe extern "C" fn main(os: usize) -> ! {
    // SAFETY: `spawn` passes a record.
    let os = unsafe { &*(os as *const OsThread) };
    // Without one its handlers run on the hub stack, where there is room.
    let _ = os.install_alt_stack();
    // SAFETY: values and structures of our own; the descriptors are copies that this thread alone has.
    unsafe {
        os.ktid.store(sys::syscall0(nr(libc::SYS_gettid)) as i32, SeqCst);
        sys::syscall2(nr(libc::SYS_prctl), libc::PR_SET_NAME as usize, c"patchall-watch".as_ptr() as usize);
        sys::syscall2(nr(libc::SYS_prctl), libc::PR_SET_TIMERSLACK as usize, 1);
        let mut from = 0;
        for fd in reactor::descriptors() {
            if fd > from {
                sys::syscall3(nr(libc::SYS_close_range), from as usize, fd as usize - 1, 0);
            }
            from = fd + 1;
        }
        sys::syscall3(nr(libc::SYS_close_range), from as usize, u32::MAX as usize, 0);
    }
    let tasks = Tasks::open();
    signal::block_all(os);
    READY.store(1, Release);
    let op = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize;
    // SAFETY: a futex wake on a word of ours.
    unsafe { sys::syscall3(nr(libc::SYS_futex), READY.as_ptr() as usize, op, 1) };
    let mut look = Look { os, tasks, quickly_until: 0, last_call: 0, turn: 0 };
    let mut idle_looks = 0;
    loop {
        let (busy, pause) = look.once();
        idle_looks = if busy { 0 } else { idle_looks + 1 };
        if idle_looks < IDLE_LOOKS {
            wait(os, Some(pause));
        } else {
            sleep(os);
            idle_looks = 0;
            // What has just begun is not stuck yet.
            wait(os, Some(SELDOM / 2));
        }
    }
}

fn wait(os: &OsThread, limit: Option<u64>) {
    let op = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
    let timeout = limit.map(Timespec::from_nanos);
    let timeout_at = timeout.as_ref().map_or(0, |t| core::ptr::from_ref(t) as usize);
    if os.wake.swap(0, SeqCst) == 0 {
        // SAFETY: a futex wait on a word of ours.
        unsafe { sys::syscall4(nr(libc::SYS_futex), os.wake.as_ptr() as usize, op, 0, timeout_at) };
    }
}

/// Until a virtual thread runs.
fn sleep(os: &OsThread) {
    ASLEEP.store(true, SeqCst);
    // Who runs one says so and looks at `ASLEEP`, with no barrier in between: that is made from here.
    sys::barrier_everywhere();
    if anybody_runs() && ASLEEP.swap(false, SeqCst) {
        return;
    }
    while ASLEEP.load(SeqCst) {
        wait(os, None);
    }
}

fn anybody_runs() -> bool {
    carrier::any_work() || carrier::all().iter().any(|c| running(c).is_some())
}

/// The OS thread of a carrier that runs a virtual thread.
fn running(c: &Carrier) -> Option<&'static OsThread> {
    // SAFETY: null or a record, which stays.
    unsafe { c.os.load(SeqCst).as_ref() }.filter(|os| !os.current.load(SeqCst).is_null())
}

struct Look {
    os: &'static OsThread,
    tasks: Tasks,
    quickly_until: u64,
    /// The call at the last hand-over.
    last_call: i32,
    turn: usize,
}

impl Look {
    /// Looks once. Whether anybody runs, and nanoseconds until the next look.
    fn once(&mut self) -> (bool, u64) {
        let anyone_idle = idle::anyone();
        let brisk = !anyone_idle && carrier::all().iter().all(|c| running(c).is_none_or(|os| c.seen.is_brisk(os)));
        let given = if anyone_idle || brisk { None } else { self.attend() };
        let now = sys::monotonic();
        let due = carrier::any_work();
        if due && anyone_idle {
            idle::notify();
        }
        let mut busy = due;
        for c in carrier::all() {
            if let Some(os) = running(c) {
                busy = true;
                let preempt = tick::slice() != 0 && given.is_some_and(|g| core::ptr::eq(g, c));
                self.look_at(c, os, now, due && !anyone_idle, preempt);
            }
        }
        let pause = if brisk && now >= self.quickly_until { RARELY } else { self.pause(now, anyone_idle, due) };
        UNTIL.store(if busy && !anyone_idle && !brisk { now + pause } else { 0 }, Relaxed);
        (busy, pause)
    }

    fn pause(&self, now: u64, anyone_idle: bool, due: bool) -> u64 {
        if now < self.quickly_until {
            return QUICKLY;
        }
        if anyone_idle {
            return SELDOM;
        }
        let often = if due && tick::slice() != 0 { OFTEN.min(tick::slice()) } else { OFTEN };
        often.min(timer::next().saturating_sub(now)).max(LEAST)
    }

    /// Nobody is idle: deadlines and descriptors. The carrier that was given threads.
    fn attend(&mut self) -> Option<&'static Carrier> {
        let all = carrier::all();
        self.turn = (self.turn + 1) % all.len();
        let mut chosen = &all[self.turn];
        for c in all {
            if running(c).is_some() && c.len() < chosen.len() {
                chosen = c;
            }
        }
        let before = chosen.len();
        // What becomes ready is queued with whom the caller serves (super::make_ready).
        self.os.carrier.store((&raw const *chosen).cast_mut(), Relaxed);
        timer::expire();
        idle::glance();
        self.os.carrier.store(null_mut(), Relaxed);
        (chosen.len() > before || signal::process_pending()).then_some(chosen)
    }

    /// `due`: threads are ready, and nobody is idle who might run them.
    fn look_at(&mut self, c: &'static Carrier, os: &'static OsThread, now: u64, due: bool, preempt: bool) {
        let (turns, cpu) = (os.turns.load(Relaxed), asleep::cpu_time(os.ktid.load(Relaxed)));
        let seen = &c.seen;
        let same_os = core::ptr::eq(seen.os.get(), os);
        let same_run = same_os && seen.turns.get() == turns;
        let worked = if same_os { cpu.saturating_sub(seen.cpu.get()) } else { 0 };
        if !same_run {
            seen.os.set(os);
            seen.turns.set(turns);
            seen.since.set(now);
            seen.told.set(false);
        }
        if !same_run || worked != 0 {
            seen.cpu.set(cpu);
            seen.ran.set(now);
        }
        let slept = now - seen.ran.get();
        let too_long = tick::slice() != 0 && c.len() > 0 && now - seen.since.get() >= tick::slice();
        if due
            && (slept >= STUCK || now < self.quickly_until)
            && let Some(call) = self.tasks.asleep_in(os.ktid.load(Relaxed))
            && (slept >= STUCK || call == self.last_call)
            && os.turns.load(SeqCst) == turns
            && running(c).is_some()
        {
            return self.stuck(c, os, now, call);
        }
        // A signal would end some calls of the kernel's, also one that is about to return because its time is over.
        if (preempt || too_long) && worked >= COMPUTES && self.tasks.asleep_in(os.ktid.load(Relaxed)).is_none() {
            seen.since.set(now);
            tick::kick(os);
        }
    }

    fn stuck(&mut self, c: &'static Carrier, os: &'static OsThread, now: u64, call: i32) {
        if !HANDOVER.load(Relaxed) {
            if WARN.load(Relaxed) && now - c.seen.ran.get() >= TOLD && !c.seen.told.replace(true) {
                os.stuck.note(c.seen.ran.get(), call);
                os.resched.store(true, SeqCst);
            }
            return;
        }
        let Some(s) = spare::take() else { return };
        let role = (&raw const *c).cast_mut();
        if s.unfit.load(Relaxed) || os.carrier.compare_exchange(role, null_mut(), SeqCst, Relaxed).is_err() {
            return spare::put_back(s);
        }
        os.resched.store(true, SeqCst);
        hub::serve_role(s, c);
        idle::rouse(s);
        self.quickly_until = now + QUICKLY_FOR;
        self.last_call = call;
    }
}

/// For the child of a fork, which has none.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    WATCHDOG.store(null_mut(), Relaxed);
    ASLEEP.store(false, Relaxed);
    UNTIL.store(0, Relaxed);
    READY.store(0, Relaxed);
}
