//! Whose scheduler is whose: each thread makes one when it spawns its first coroutine, and ends it when it ends.
//!
//! Two places hold it. A thread-local of std's owns it and sees the thread's end; the TLS slot of [`arch::local`] is what
//! hooks look at, since it costs two instructions and never calls anything. The slot is null while the thread has no
//! coroutines.

use super::scheduler::Scheduler;
use crate::arch;
use std::rc::Rc;

thread_local! {
    /// Owns the scheduler; `arch::local` is what hooks look at.
    static OWN: Owner = Owner(Rc::new(Scheduler::new()));
}

/// Ends the coroutines of a thread that ends.
struct Owner(Rc<Scheduler>);

impl Drop for Owner {
    fn drop(&mut self) {
        // SAFETY: neither call has an effect.
        let main = unsafe { libc::gettid() == libc::getpid() };
        if main {
            // The process ends, and its coroutines with it, as threads do.
            arch::set_local(std::ptr::null());
        } else {
            self.0.close();
        }
    }
}

/// The calling thread's scheduler, made at first use.
///
/// # Panics
/// In a destructor of a thread-local that runs after the scheduler has ended.
pub(super) fn own() -> Rc<Scheduler> {
    super::fork::watch();
    OWN.with(|o| o.0.clone())
}

/// The calling thread's scheduler if a blocking call made now is to switch: there are light coroutines, and this is neither
/// code of the scheduler itself nor a destructor run by a panic (what unwinds counts as the thread's:
/// `std::thread::panicking` would mislead the others).
#[inline(always)]
pub(crate) fn hooked() -> Option<&'static Scheduler> {
    let s = arch::local();
    // SAFETY: the slot holds the thread's own scheduler, and is null before that goes away.
    if s.is_null() {
        None
    } else {
        // SAFETY: as above.
        unsafe { &*s }.willing()
    }
}
