//! A virtual thread as the models need it: a waiter, and something to block a thread of the model on while it is parked.

use crate::sched::state::Wake;
use crate::sched::waiter::Waiter;
use loom::sync::{Condvar, Mutex};

#[repr(C)]
pub(crate) struct Task {
    pub(crate) waiter: Waiter,
    ready: Mutex<bool>,
    made_ready: Condvar,
}

// SAFETY: a waiter's cells are covered by the locks that its fields name.
unsafe impl Sync for Task {}
// SAFETY: as above.
unsafe impl Send for Task {}

impl Task {
    pub(crate) fn new() -> Self {
        Task { waiter: Waiter::idle(), ready: Mutex::new(false), made_ready: Condvar::new() }
    }

    /// # Safety
    /// `w` is the waiter of a task.
    pub(crate) unsafe fn of_waiter(w: &Waiter) -> &Task {
        // SAFETY: by contract; the waiter is the first field.
        unsafe { &*(&raw const *w).cast() }
    }

    /// Puts it in the run queue.
    pub(crate) fn make_ready(&self) {
        let mut ready = self.ready.lock().expect("no panics");
        assert!(!*ready, "made ready twice for one park");
        *ready = true;
        self.made_ready.notify_one();
    }

    /// The end of `hub::park`, and its being run again: why the park ended.
    pub(crate) fn park(&self, seq: u64) -> Wake {
        if self.waiter.state.commit(seq) {
            let mut ready = self.ready.lock().expect("no panics");
            while !*ready {
                ready = self.made_ready.wait(ready).expect("no panics");
            }
            *ready = false;
        }
        self.waiter.state.finish()
    }

    /// Whether it is in the run queue.
    pub(crate) fn is_ready(&self) -> bool {
        *self.ready.lock().expect("no panics")
    }
}
