//! What fork(2) does to light coroutines: in the child there are the one that called it and the thread's root; the others are
//! forgotten where they were, without unwinding (what they hold is the parent's business), and whoever joins them is told
//! that they were killed. (vfork and posix_spawn run no handlers, and change nothing.)

use crate::arch;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::*};

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// How many forks lie between this process and the first.
pub(super) fn generation() -> u64 {
    GENERATION.load(Relaxed)
}

/// Asks libc to tell us; once.
pub(super) fn watch() {
    static WATCH: Once = Once::new();
    // SAFETY: the handler is for ever. It fails for want of memory only, and then a child must not use its coroutines.
    WATCH.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(in_child));
    });
}

unsafe extern "C" fn in_child() {
    GENERATION.fetch_add(1, Relaxed);
    super::offload::after_fork();
    // SAFETY: the calling thread's own scheduler, or null.
    if let Some(s) = unsafe { arch::local().as_ref() } {
        s.after_fork();
    }
}
