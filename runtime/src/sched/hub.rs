//! The loop of an OS thread: take a ready thread, step its call, let it run, serve what it asks for.
//!
//! A hub stands to a virtual thread as the kernel stands to a process: it is entered by a system call or by the tick, on a
//! stack of its own, and leaves by [`arch::enter_program`]. It never blocks but in [`idle::wait`].

use super::carrier::{self, Carrier};
use super::os_thread::{OsThread, Trap, count};
use super::saved::SavedContext;
use super::state::Wake;
use super::thread::{Resume, ThreadRef};
use super::{bound, cpu_clock, idle, spare, timer, watch};
use crate::abi::{self, Row, Step, signal};
use crate::arch;
use crate::sys::{self, nr};
use core::ptr::{null, null_mut};
use core::sync::atomic::Ordering::*;

/// Turns between two looks at the clock, and at the descriptors, while there is always something to run.
const LOOK_AT_TIMERS: u32 = 16;
const LOOK_AT_DESCRIPTORS: u32 = 64;
/// Nanoseconds without a look at the descriptors after which one is made in passing. Not sooner: what is woken long before it
/// runs has left the caches by then.
const UNSEEN: u64 = 1_000_000;

/// Makes the calling OS thread one of the engine's, as it is: `t` is the thread it runs, and its first entry into the gate
/// starts the hub on a stack of its own.
pub(crate) fn adopt(os: &'static OsThread, t: ThreadRef, c: &'static Carrier) {
    // SAFETY: gettid has no effect.
    os.began(unsafe { sys::syscall0(nr(libc::SYS_gettid)) } as i32);
    os.hub_sp.set(os.hub_stack_top() as u64 - 8);
    os.hub_ip.set(first_entry as *const () as u64);
    os.fs.set(arch::fs_base());
    os.current.store(t.as_ptr().cast_mut(), Relaxed);
    serve_role(os, c);
    cpu_clock::begin(os);
    t.os.set(os);
    t.fs.set(arch::fs_base());
    os.inside.store(0, Relaxed);
    arch::set_current(t.as_ptr());
}

/// Gives the OS thread a queue to serve.
pub(super) fn serve_role(os: &OsThread, c: &'static Carrier) {
    os.served.store((&raw const *c).cast_mut(), Relaxed);
    c.os.store((&raw const *os).cast_mut(), SeqCst);
    os.carrier.store((&raw const *c).cast_mut(), SeqCst);
}

/// The queue the OS thread serves; `None`: its role was given to another one.
#[inline(always)]
fn role(os: &OsThread) -> Option<&'static Carrier> {
    // SAFETY: null or a carrier; those are static.
    unsafe { os.carrier.load(Relaxed).as_ref() }
}

/// Where an adopted OS thread's first entry goes: the gate jumps here with the hub stack loaded.
unsafe extern "C" fn first_entry() -> ! {
    let Some(os) = OsThread::here() else { sys::die("hub entered on a foreign stack") };
    let t = ThreadRef::from_ptr(os.current.load(Relaxed));
    match (t, os.trap.replace(Trap::Call)) {
        (Some(t), Trap::Call) => {
            if call(os, t) {
                serve(os, t);
            }
        }
        (Some(t), Trap::Tick) => {
            if preempted(os, t) {
                serve(os, t);
            }
        }
        _ => sys::die("first entry of a hub without a thread"),
    }
    turn_for_ever(os)
}

pub(super) fn turn_for_ever(os: &'static OsThread) -> ! {
    loop {
        let t = if os.is_home.load(Relaxed) { bound::next(os) } else { next(os) };
        run(os, t);
    }
}

/// The next thread to run; waits for one.
fn next(os: &'static OsThread) -> ThreadRef {
    let mut waited = false;
    loop {
        let turns = os.turns.load(Relaxed).wrapping_add(1);
        os.turns.store(turns, Relaxed);
        let Some(own) = role(os) else {
            spare::rest(os, waited);
            waited = false;
            continue;
        };
        signal::route();
        signal::sync_kernel_mask(os, false);
        if turns.is_multiple_of(LOOK_AT_TIMERS) {
            timer::expire();
        }
        if turns.is_multiple_of(LOOK_AT_DESCRIPTORS) {
            look_at_descriptors(os);
        }
        if let Some(t) = own.pop().or_else(|| steal(os, own)) {
            if waited {
                cpu_clock::begin(os);
                idle::busy();
            }
            return t;
        }
        idle::wait(os);
        waited = true;
    }
}

/// A look in passing, if this OS thread has not polled for a while.
fn look_at_descriptors(os: &OsThread) {
    let (polls, now) = (os.counters.polls.get(), sys::monotonic());
    if polls != os.polls_then.replace(polls) {
        os.polled_at.set(now);
    } else if now.saturating_sub(os.polled_at.get()) >= UNSEEN {
        idle::glance();
    }
}

fn steal(os: &OsThread, own: &Carrier) -> Option<ThreadRef> {
    let all = carrier::all();
    let me = all.iter().position(|c| core::ptr::eq(c, own))?;
    let t = (1..all.len()).find_map(|k| own.steal_from(&all[(me + k) % all.len()]))?;
    count(&os.counters.steals);
    Some(t)
}

/// Runs a thread until it parks, yields, is preempted with others waiting, or ends.
fn run(os: &'static OsThread, t: ThreadRef) {
    count(&os.counters.switches);
    if !core::ptr::eq(t.os.get(), os) {
        count(&os.counters.migrations);
        t.os.set(os);
    }
    cpu_clock::go_on(os);
    os.current.store(t.as_ptr().cast_mut(), Relaxed);
    watch::awake();
    if os.fs.get() != t.fs.get() {
        os.fs.set(t.fs.get());
        // SAFETY: engine code uses no TLS, and the program's goes on with its own.
        unsafe { arch::set_fs_base(t.fs.get()) };
    }
    if t.fp_control.get() != arch::fp_control() {
        arch::set_fp_control(t.fp_control.get());
    }
    if t.full.get() {
        let n = arch::vector_state_size();
        // SAFETY: both areas have room for the state; ours is not in use by another thread.
        unsafe { core::ptr::copy_nonoverlapping(t.vectors.get(), os.xsave_area.get(), n) };
    }
    if t.resume.get() == Resume::Call && !go_on(os, t) {
        return;
    }
    serve(os, t);
}

/// The thread was parked: its call goes on. False: it left again.
fn go_on(os: &'static OsThread, t: ThreadRef) -> bool {
    unpark(t);
    step(os, t, abi::row(t.nr.get() as usize))
}

fn unpark(t: ThreadRef) {
    if t.waiter.timer.get() != 0 || t.call.deadline.get() != timer::NEVER {
        timer::remove(&t.waiter);
    }
    t.set_woken(Some(t.waiter.state.finish()));
    t.resume.set(Resume::Regs);
}

/// Lets the thread run, and serves it, until it leaves this OS thread.
fn serve(os: &'static OsThread, t: ThreadRef) {
    loop {
        if os.resched.load(Relaxed) {
            os.resched.store(false, Relaxed);
            os.stuck.report(t);
            // The child of a vfork runs here in its parent's place, and must not run others.
            if !t.vfork.get() && !give_way(os, t) {
                return;
            }
        }
        signal::route();
        if signal::deliverable(&t) {
            signal::deliver(t);
        }
        let stay = match enter(os, t) {
            Trap::Call => call(os, t),
            Trap::Tick => preempted(os, t),
            Trap::Again => true,
        };
        if !stay {
            return;
        }
    }
}

/// Runs program code until something brings it back.
fn enter(os: &'static OsThread, t: ThreadRef) -> Trap {
    if t.resume.get() != Resume::Saved {
        // SAFETY: on the hub stack, with the thread's FS; `regs` is where it goes on.
        unsafe { arch::enter_program(os, &t) };
        return os.trap.replace(Trap::Call);
    }
    let saved = t.saved.replace(null_mut());
    // SAFETY: `Saved` says that there is one, and it is this thread's.
    unsafe {
        let uc = (*saved).uc.get();
        (*uc).sigmask = os.kernel_mask.get();
        let (sp, size) = os.alt_stack();
        (*uc).stack = sys::kernel::SigStack { sp, size, ..Default::default() };
        arch::enter_saved(os, uc as usize);
    }
    let trap = os.trap.replace(Trap::Call);
    if trap == Trap::Again {
        t.saved.set(saved);
    } else {
        t.resume.set(if trap == Trap::Tick { Resume::Saved } else { Resume::Regs });
        if os.spare.get().is_null() {
            os.spare.set(saved);
        } else {
            SavedContext::give(saved);
        }
    }
    trap
}

/// The tick took the processor away. True: nobody else wants it.
fn preempted(os: &'static OsThread, t: ThreadRef) -> bool {
    t.resume.set(Resume::Saved);
    t.full.set(false);
    // SAFETY: the handler has just stored the context.
    t.note_sp(unsafe { (*(*t.saved.get()).uc.get()).mcontext.rsp });
    if os.spare.get().is_null() {
        // Without memory for another one, later ticks find none and do nothing.
        os.spare.set(SavedContext::take().unwrap_or(null_mut()));
    }
    give_way(os, t)
}

/// Lets others run if there are any. True: there are none.
fn give_way(os: &'static OsThread, t: ThreadRef) -> bool {
    timer::expire();
    idle::glance();
    signal::route();
    if os.is_home.load(Relaxed) {
        // Nobody else runs here.
        return true;
    }
    if role(os).is_some_and(|own| own.len() == 0) {
        return true;
    }
    if idle::anyone() {
        // An idle carrier can have them, and this thread stays where its cache is.
        idle::notify();
    }
    count(&os.counters.preemptions);
    queue(os, t);
    false
}

/// Puts a thread that goes on being ready behind the others.
fn queue(os: &OsThread, t: ThreadRef) {
    save(os, t);
    os.current.store(null_mut(), Relaxed);
    // Without a role, where it had one: nobody else knows of this thread.
    // SAFETY: set with the first role; carriers are static.
    unsafe { &*os.served.load(Relaxed) }.push(t);
}

/// Takes what only the processor knows of a thread that leaves it; gives the time stamp.
fn save(os: &OsThread, t: ThreadRef) -> u64 {
    t.fs.set(arch::fs_base());
    os.fs.set(t.fs.get());
    t.fp_control.set(arch::fp_control());
    if t.full.get() && t.resume.get() != Resume::Saved {
        let n = arch::vector_state_size();
        // SAFETY: `vectors` was made at the entry from such a site (see `call`), with room for the state.
        unsafe { core::ptr::copy_nonoverlapping(os.xsave_area.get(), t.vectors.get(), n) };
    }
    cpu_clock::charge(os, &t)
}

/// Serves a system call from its first step. False: the thread left.
fn call(os: &'static OsThread, t: ThreadRef) -> bool {
    t.resume.set(Resume::Regs);
    let number = t.regs().rax as usize;
    if t.vfork.get() {
        // SAFETY: getpid has no effect.
        if unsafe { sys::syscall0(nr(libc::SYS_getpid)) } as i32 != crate::process::pid() {
            return native(t);
        }
        t.vfork.set(false);
    }
    if t.full.get() && t.vectors.get().is_null() {
        let Ok(p) = super::saved::vector_area() else { return native(t) };
        t.vectors.set(p);
    }
    t.nr.set(number as u16);
    t.note_sp(t.regs().rsp);
    t.set_woken(None);
    step(os, t, abi::row(number))
}

/// Sends the call to the kernel, from the site it came from.
fn native(t: ThreadRef) -> bool {
    let r = t.regs();
    r.rip = r.r11;
    true
}

/// Steps a call until it has a result or parks. False: the thread left.
fn step(os: &'static OsThread, t: ThreadRef, row: &Row) -> bool {
    loop {
        match (row.step)(t) {
            Step::Done(v) => {
                let r = t.regs();
                r.rax = v as u64;
                r.rip = r.r11 + abi::SYSCALL_LEN;
                signal::call_done(t);
                return true;
            }
            Step::Native => return native(t),
            Step::Park => {
                if park(os, t) {
                    return false;
                }
                unpark(t);
            }
            Step::Interrupted => match signal::interrupted(t, row) {
                signal::Interrupted::Handler => return true,
                signal::Interrupted::Nothing => t.set_woken(Some(Wake::Retry)),
            },
            Step::Yield => {
                let r = t.regs();
                r.rax = 0;
                r.rip = r.r11 + abi::SYSCALL_LEN;
                queue(os, t);
                return false;
            }
            Step::Move => {
                let seq = abi::prepare(t, timer::NEVER, false);
                if park(os, t) {
                    super::wake(&t.waiter, seq, Wake::Event);
                    return false;
                }
                unpark(t);
            }
            Step::Resume => {
                t.resume.set(Resume::Saved);
                return true;
            }
            Step::Exit => {
                os.current.store(null_mut(), Relaxed);
                cpu_clock::charge(os, &t);
                abi::exit::reap(t);
                return false;
            }
        }
    }
}

/// Parks a thread whose call has prepared the park. False: a waker was faster.
fn park(os: &'static OsThread, t: ThreadRef) -> bool {
    let Some(seq) = t.waiter.state.waiting() else { return false };
    count(&os.counters.parks[t.nr.get() as usize & 511]);
    t.parked_at.set(save(os, t));
    t.resume.set(Resume::Call);
    let deadline = t.call.deadline.get();
    if deadline != timer::NEVER && timer::add(&t.waiter, seq, deadline) {
        idle::deadline_moved(deadline);
    }
    os.current.store(null_mut(), Relaxed);
    // From here on, if it succeeds, the thread may be running elsewhere.
    if t.waiter.state.commit(seq) {
        return true;
    }
    os.current.store(t.as_ptr().cast_mut(), Relaxed);
    false
}

/// For the child of a fork: this OS thread is the only one, in the middle of `t`'s call.
pub(crate) fn after_fork(os: &'static OsThread, t: ThreadRef) {
    // SAFETY: gettid has no effect.
    os.ktid.store(unsafe { sys::syscall0(nr(libc::SYS_gettid)) } as i32, Relaxed);
    os.kicked.store(false, Relaxed);
    os.listed.set(false);
    os.next_sleeper.set(null());
    // Timers are not inherited.
    os.timer.set(0);
    bound::after_fork(os, t);
    serve_role(os, &carrier::all()[0]);
    os.current.store(t.as_ptr().cast_mut(), Relaxed);
}
