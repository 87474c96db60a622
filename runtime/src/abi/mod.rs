//! The kernel ABI layer: what each virtualised system call does.
//!
//! A call is a *step function*. It is called once when the thread enters the gate and again each time its park ends; it
//! never blocks and keeps nothing on a stack: what it must remember is in `Thread::call`. The hub does what it answers.
//! Module [`table`] says what becomes of each call; those that pass go to the kernel without coming here.

pub(crate) mod clone;
pub(crate) mod cpu_time;
pub(crate) mod credentials;
pub(crate) mod epoll;
pub(crate) mod exit;
pub(crate) mod fds;
pub(crate) mod files;
pub(crate) mod futex;
pub(crate) mod identity;
pub(crate) mod io;
pub(crate) mod kernel_state;
pub(crate) mod limits;
pub(crate) mod locks;
pub(crate) mod poll;
pub(crate) mod procfs;
pub(crate) mod queues;
pub(crate) mod ready;
pub(crate) mod scheduling;
pub(crate) mod select;
pub(crate) mod shared;
pub(crate) mod signal;
pub(crate) mod stacks;
mod table;
pub(crate) mod time;
pub(crate) mod uring;
pub(crate) mod wait;

use crate::arch;
use crate::sched::thread::ThreadRef;
use crate::sched::timer::NEVER;
use crate::sys::user::Fault;
use core::sync::atomic::Ordering::*;

/// System call numbers are below this; the entry knows it, too.
pub(crate) const NUMBERS: usize = 512;

/// Bytes of the `syscall` instruction.
pub(crate) const SYSCALL_LEN: u64 = 2;

/// What a step function answers.
pub(crate) enum Step {
    /// The call has this result.
    Done(isize),
    /// The kernel shall do it: the thread executes the site's own `syscall`.
    Native,
    /// The thread waits: the function has called [`prepare`] and put its nodes where wakers find them.
    Park,
    /// A signal ended the wait before anything was done: EINTR, or the call is restarted (by [`Row::restart`]).
    Interrupted,
    /// Result 0, after everyone else had a turn.
    Yield,
    /// The thread has been bound to another OS thread: the call is stepped again there.
    Move,
    /// The thread goes on from `Thread::saved`.
    Resume,
    /// The thread is gone.
    Exit,
}

/// Shorthand for an error result.
pub(crate) fn err(errno: i32) -> Step {
    Step::Done(-errno as isize)
}

impl From<Fault> for Step {
    fn from(_: Fault) -> Step {
        err(libc::EFAULT)
    }
}

/// Whether a call that a signal interrupted is restarted after a handler with SA_RESTART (signal(7)). Without a handler it
/// always goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Restart {
    /// EINTR, whatever the handler's flags say.
    Never,
    /// Restarted under SA_RESTART.
    Flag,
}

/// The function that serves a call.
pub(crate) type StepFn = fn(ThreadRef) -> Step;

/// A row of the dispatcher.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// What serves it.
    pub step: StepFn,
    /// What a signal does to it.
    pub restart: Restart,
}

/// Begins a park that ends at `deadline` at the latest (monotonic nanoseconds, [`NEVER`]); gives its sequence number.
pub(crate) fn prepare(t: ThreadRef, deadline: u64, interruptible: bool) -> u64 {
    t.call.deadline.set(deadline);
    t.interruptible.store(interruptible, Relaxed);
    let seq = t.waiter.state.prepare();
    if interruptible && signal::deliverable(&t) {
        // A signal that came before the park was announced: it ends the park at once.
        t.waiter.state.wake(seq, crate::sched::state::Wake::Signal);
    }
    seq
}

/// A park for nothing but time or a signal.
pub(crate) fn park_until(t: ThreadRef, deadline: u64) -> Step {
    prepare(t, deadline, true);
    Step::Park
}

/// A relative wait as a deadline.
pub(crate) fn after(ns: u64) -> u64 {
    crate::sys::monotonic().saturating_add(ns).min(NEVER - 1)
}

fn native(_: ThreadRef) -> Step {
    Step::Native
}

static UNUSED: Row = Row { step: native, restart: Restart::Never };

/// The row that serves a number.
#[inline(always)]
pub(crate) fn row(number: usize) -> &'static Row {
    match INDEX.get(number) {
        Some(&i) if i != 0 => &ROWS[i as usize - 1],
        _ => &UNUSED,
    }
}

/// Whether a call comes to the engine.
pub(crate) fn is_virtual(number: usize) -> bool {
    INDEX.get(number).is_some_and(|i| *i != 0)
}

/// The calls' names by number, without relocations and of fixed size, for debuggers; zeroes for those that do not come here.
pub(crate) static NAMES: [[u8; NAME]; NUMBERS] = names();
/// Room for a name.
pub(crate) const NAME: usize = 24;

/// The name of a call that comes to the engine.
pub(crate) fn name(number: usize) -> &'static str {
    let name = NAMES.get(number).map_or(&[][..], |n| &n[..]);
    let len = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    str::from_utf8(&name[..len]).unwrap_or_default()
}

const fn names() -> [[u8; NAME]; NUMBERS] {
    let mut names = [[0; NAME]; NUMBERS];
    let mut i = 0;
    while i < table::CALLS.len() {
        let call = &table::CALLS[i];
        let name = call.name.as_bytes();
        let mut k = 0;
        while call.step.is_some() && k < name.len() && k < NAME - 1 {
            names[call.number][k] = name[k];
            k += 1;
        }
        i += 1;
    }
    names
}

/// Sends the calls of the table through the gate, or none.
pub(crate) fn virtualise(on: bool) {
    for (n, i) in INDEX.iter().enumerate() {
        if *i != 0 {
            arch::VIRTUAL[n].store(on as u8, Release);
        }
    }
}

/// Every system call that comes to the engine: what is done with it. Names and reasons are not here: each pointer in what
/// exists at run time is a relocation that every program pays for when it loads the library.
static ROWS: [Row; table::SERVED] = table::rows();
/// Place in [`ROWS`] plus one by number; 0: the call does not come here.
static INDEX: [u8; NUMBERS] = table::index();
