//! The gate of this process, once it is open.

use super::{Entries, Gate, ObjectKind, Place, Stats, Threads, locate, notice};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Mutex;

static GATE: Mutex<Option<Gate>> = Mutex::new(None);

/// Opens it; the process has one thread.
///
/// # Errors
/// The reason, for people.
pub(crate) fn open(libc: usize, full: usize) -> Result<(), String> {
    let mut gate = GATE.lock().map_err(|_| "an earlier attempt failed".to_string())?;
    // Before anything is patched: without it, what dlopen brings would run natively, unnoticed.
    // SAFETY: there is one thread.
    unsafe { notice::install() }?;
    // SAFETY: the entries are those of `arch`, which keep registers and stack as promised; there is one thread.
    *gate = Some(unsafe { Gate::open(Entries { libc, full }, Threads::One) }.map_err(|e| e.to_string())?);
    Ok(())
}

/// Patches what dlopen has brought, and forgets what dlclose took. What cannot be patched is in [`stats`].
fn refresh() {
    if let Ok(mut gate) = GATE.lock()
        && let Some(gate) = gate.as_mut()
    {
        // SAFETY: called by the loader while it holds its lock (module `notice`), so that nothing is unloaded meanwhile.
        let _ = unsafe { gate.refresh() };
    }
}

/// What the loader calls, by way of [`notice`], in the middle of the program's dlopen or dlclose: on the program's stack, of
/// which it takes next to nothing, and with the program's errno, which it keeps.
pub(super) extern "C" fn objects_changed() {
    if !notice::is_consistent() {
        return;
    }
    let errno = crate::task::errno();
    // A thread may have called dlopen on 16 KiB.
    if let Ok(stack) = crate::task::Stack::take() {
        corosensei::on_stack(stack, refresh);
    }
    crate::task::set_errno(errno);
}

/// What has been patched; `None` while the gate is shut.
pub fn stats() -> Option<Stats> {
    GATE.lock().ok()?.as_ref().map(Gate::stats)
}

/// Whether a call came from libc itself, by the address of its native `syscall` in the trampoline.
pub(crate) fn is_libc_call(native: usize) -> bool {
    // Thread creation comes from one site, over and over.
    static LAST: AtomicUsize = AtomicUsize::new(0);
    if LAST.load(Relaxed) == native {
        return true;
    }
    let is = locate(native).is_some_and(|l| l.kind == ObjectKind::Libc && l.place == Place::Call);
    if is {
        LAST.store(native, Relaxed);
    }
    is
}
