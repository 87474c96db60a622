//! The note that a kick is under way, so that one write ends the poller's sleep however many want that.

use crate::sync::{AtomicBool, Ordering::*, const_fn};

/// See the header.
pub(crate) struct Kick(
    /// A kick is in the eventfd, or about to be.
    AtomicBool,
);

impl Kick {
    const_fn! {
        /// No kick is under way.
        pub(crate) fn new() -> Self {
            Kick(AtomicBool::new(false))
        }
    }

    /// Ends the poller's sleep by `write`, unless somebody is about to. Safe in a signal handler.
    pub(crate) fn give(&self, write: impl FnOnce()) {
        if !self.0.swap(true, SeqCst) {
            write();
        }
    }

    /// The poller found it: `read` takes it out. The note is cleared after that: cleared before, a kick in between would be
    /// read with the old one, its note would stay, and no later kick would be written.
    pub(crate) fn take(&self, read: impl FnOnce()) {
        read();
        self.0.store(false, SeqCst);
    }

    /// For the child of a fork, which has an eventfd of its own.
    pub(crate) fn after_fork(&self) {
        self.0.store(false, SeqCst);
    }
}
