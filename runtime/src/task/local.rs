//! Whose scheduler is whose: each thread makes one when it first needs it, and ends it when it ends.
//!
//! Two places hold it. A thread-local of std's owns it and sees the thread's end; the TLS slot of [`arch::local`] is what
//! hooks look at, since it costs two instructions and never calls anything. The slot is null while the thread has no
//! coroutines.
//!
//! Unsafe: lends the scheduler for as long as the thread lives.

use super::scheduler::Scheduler;
use crate::arch;
use std::mem::ManuallyDrop;

thread_local! {
    static OWN: Owner = Owner(ManuallyDrop::new(Box::new(Scheduler::new())));
}

/// Ends the coroutines of a thread that ends.
struct Owner(ManuallyDrop<Box<Scheduler>>);

impl Drop for Owner {
    fn drop(&mut self) {
        // SAFETY: neither call has an effect.
        let main = unsafe { libc::gettid() == libc::getpid() };
        if main {
            // The process ends, and its coroutines with it, as threads do: nothing of them is unwound.
            arch::set_local(std::ptr::null());
        } else {
            self.0.close();
            // SAFETY: dropped once; nobody can get at it any more.
            unsafe { ManuallyDrop::drop(&mut self.0) };
        }
    }
}

/// The calling thread's scheduler, made at first use. (Not to be kept beyond the call: the thread may end.)
///
/// # Panics
/// In a destructor of a thread-local that runs after the scheduler has ended.
#[inline(always)]
pub(crate) fn own() -> &'static Scheduler {
    match existing() {
        Some(s) => s,
        None => made(),
    }
}

#[cold]
#[inline(never)]
fn made() -> &'static Scheduler {
    super::fork::watch();
    // SAFETY: boxed, so it stays where it is until the thread ends.
    OWN.with(|o| unsafe { &*std::ptr::from_ref(&**o.0) })
}

/// The calling thread's scheduler, unless the thread ends and it has ended before.
pub(crate) fn remaining() -> Option<&'static Scheduler> {
    existing().or_else(|| OWN.try_with(|_| ()).is_ok().then(made))
}

/// The calling thread's scheduler while it has coroutines.
#[inline(always)]
pub(crate) fn existing() -> Option<&'static Scheduler> {
    // SAFETY: the slot holds the thread's own scheduler, and is null before that goes away.
    unsafe { arch::local().as_ref() }
}

/// The calling thread's scheduler if a blocking call made now is to switch: there are light coroutines, and this is neither
/// code of the scheduler itself nor a destructor run by a panic (what unwinds counts as the thread's:
/// `std::thread::panicking` would mislead the others).
#[inline(always)]
pub(crate) fn hooked() -> Option<&'static Scheduler> {
    existing()?.willing()
}
