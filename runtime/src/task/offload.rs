//! Helpers: OS threads (virtual ones, behind an open gate) that make calls which the kernel offers in no form that does not
//! block, on behalf of coroutines: connect and accept without touching the descriptor's flags, waiting for any child; and
//! what the program hands to [`crate::blocking`].
//!
//! A helper never sees the memory of the coroutine it works for, which may unwind meanwhile: a job owns what it needs, and what
//! comes out is dropped when nobody waits for it any more. Helpers block every signal. One that has had nothing to do for a
//! while ends.

use super::errno;
use super::record::OnSignal;
use super::scheduler::{Scheduler, Wait};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicPtr, Ordering::*};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    idle: usize,
}

/// How long a helper waits for another job.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pool of this process; the child of a fork makes its own (the parent's may be locked in the copy).
static POOL: AtomicPtr<Pool> = AtomicPtr::new(std::ptr::null_mut());

fn pool() -> &'static Pool {
    let mut p = POOL.load(Acquire);
    if p.is_null() {
        let new = Box::into_raw(Box::default());
        p = match POOL.compare_exchange(p, new, AcqRel, Acquire) {
            Ok(_) => new,
            Err(other) => {
                // SAFETY: nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
                other
            }
        };
    }
    // SAFETY: a pool that was once in POOL is never freed.
    unsafe { &*p }
}

pub(super) fn after_fork() {
    POOL.store(std::ptr::null_mut(), Relaxed);
}

/// Hands a job to a helper. False: there is none, and none can be made.
fn submit(job: Job) -> bool {
    let pool = pool();
    let mut state = pool.state.lock().unwrap_or_else(PoisonError::into_inner);
    if state.idle <= state.jobs.len() && !start(pool) {
        return false;
    }
    state.jobs.push_back(job);
    pool.work.notify_one();
    true
}

/// Starts a helper that every signal passes by.
fn start(pool: &'static Pool) -> bool {
    let all = super::full_set();
    let mut before = all;
    // SAFETY: sets of our own; the mask is put back.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let made = std::thread::Builder::new().name("patchall-helper".into()).spawn(move || help(pool));
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        made.is_ok()
    }
}

fn help(pool: &'static Pool) {
    let mut state = pool.state.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(job) = state.jobs.pop_front() {
            drop(state);
            job();
            state = pool.state.lock().unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        state.idle += 1;
        let (s, waited) = pool.work.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner);
        state = s;
        state.idle -= 1;
        if waited.timed_out() && state.jobs.is_empty() {
            return;
        }
    }
}

/// Has a helper run `f` while other coroutines run. `Break(EINTR)`: a signal ended the wait (the helper goes on, in vain);
/// `Break(ECANCELED)`: the coroutine was killed; `Break(ETIMEDOUT)`: a time limit passed; `Break(EAGAIN)`: there is no
/// helper to be had.
pub(crate) fn offload<T: Send + 'static>(
    s: &Scheduler,
    on_signal: OnSignal,
    f: impl FnOnce() -> T + Send + 'static,
) -> ControlFlow<i32, T> {
    let who = s.quietly(|| s.prepare_outside());
    let result = Arc::new(Mutex::new(None));
    let theirs = result.clone();
    let job = move || {
        let value = f();
        *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        who.wake();
    };
    let before = errno();
    let submitted = s.quietly(|| submit(Box::new(job)));
    super::set_errno(before);
    if !submitted {
        s.cancel();
        return ControlFlow::Break(libc::EAGAIN);
    }
    let woken = s.park(Wait { on_signal, outside: true, ..Wait::on("a helper thread") });
    if let Some(value) = result.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return ControlFlow::Continue(value);
    }
    ControlFlow::Break(woken.errno())
}
