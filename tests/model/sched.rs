//! `crate::sched` as the protocol files know it.

use crate::task::Task;

#[allow(dead_code, unreachable_pub)]
#[path = "../../runtime/src/sched/roles.rs"]
pub(crate) mod roles;
#[allow(dead_code, unreachable_pub)]
#[path = "../../runtime/src/sched/state.rs"]
pub(crate) mod state;
#[allow(dead_code, unreachable_pub)]
#[path = "../../runtime/src/sched/waiter.rs"]
pub(crate) mod waiter;

/// `sched::wake` of the engine, with a run queue of one for each thread.
pub(crate) fn wake(w: &waiter::Waiter, seq: u64, why: state::Wake) -> bool {
    woken(w, w.state.wake(seq, why))
}

/// `sched::wake_by_word`.
pub(crate) fn wake_by_word(w: &waiter::Waiter, seq: u64, word: u8) -> bool {
    woken(w, w.state.wake_by_word(seq, word))
}

fn woken(w: &waiter::Waiter, how: state::Woken) -> bool {
    if how == state::Woken::Parked {
        // SAFETY: the waiters of the models are parts of tasks, which stay until the end of a run.
        unsafe { Task::of_waiter(w) }.make_ready();
    }
    how != state::Woken::Late
}
