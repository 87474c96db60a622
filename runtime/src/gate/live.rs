//! The gate of this process, once it is open.

use super::{Entries, Gate, ObjectKind, ObjectStats, Place, Reason, Stats, Threads, locate, notice};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Mutex;

static GATE: Mutex<Option<Gate>> = Mutex::new(None);

/// Opens it; the process has one thread.
///
/// # Errors
/// The reason, for people.
pub(crate) fn open(entries: Entries) -> Result<(), String> {
    let mut gate = GATE.lock().map_err(|_| "an earlier attempt failed".to_string())?;
    // Before anything is patched: without it, what dlopen brings would run natively, unnoticed.
    // SAFETY: there is one thread.
    unsafe { notice::install() }?;
    // SAFETY: the entries are those of `arch`, which keep registers and stack as promised; there is one thread.
    let opened = unsafe { Gate::open(entries, Threads::One) }.map_err(|e| e.to_string())?;
    let stats = opened.stats();
    *gate = Some(opened);
    // Nothing is virtualised yet, and what is patched passes everything through.
    stats.objects.iter().find_map(forbids_threads).map_or(Ok(()), Err)
}

/// Why the process's threads cannot be virtual: a thread would sleep in the kernel where no virtual thread can wake it, or end
/// unnoticed.
fn forbids_threads(object: &ObjectStats) -> Option<String> {
    if object.left.iter().any(|l| is_futex(l.address)) {
        return Some(format!("{} makes futex calls of its own that cannot be patched", object.name));
    }
    let libc = object.kind != ObjectKind::Other;
    let left = object.left.iter().find(|l| libc && l.reason != Reason::SignalReturn)?;
    Some(format!("the system call at {:#x} in {} cannot be patched: {}", left.address, object.name, left.reason))
}

/// Whether the number of a `syscall` that was found stands right before it and is that of futex.
fn is_futex(address: usize) -> bool {
    const SHORT: [u8; 5] = [0xb8, libc::SYS_futex as u8, 0, 0, 0];
    const LONG: [u8; 7] = [0x48, 0xc7, 0xc0, libc::SYS_futex as u8, 0, 0, 0];
    // SAFETY: a site lies in readable code; what is before the very first byte of code is a page of the object, its ELF
    // header at least.
    let before: [u8; 7] = unsafe { *((address - 7) as *const [u8; 7]) };
    before == LONG || before.ends_with(&SHORT)
}

/// Patches what dlopen has brought, and forgets what dlclose took. What cannot be patched is in [`stats`]. With no memory left
/// nothing is done: a failed allocation would end the process.
fn refresh() {
    const ENOUGH: usize = 2 << 20;
    if Vec::<u8>::new().try_reserve_exact(ENOUGH).is_err() {
        return;
    }
    if let Ok(mut gate) = GATE.lock()
        && let Some(gate) = gate.as_mut()
    {
        // SAFETY: called by the loader while it holds its lock (module `notice`), so that nothing is unloaded meanwhile.
        let _ = unsafe { gate.refresh() };
    }
}

/// Bytes of stack that looking through objects takes, and more.
const REFRESH_STACK: usize = 256 << 10;

/// What the loader calls, by way of [`notice`], in the middle of the program's dlopen or dlclose: on the program's stack, of
/// which it takes next to nothing, and with the program's errno, which it keeps.
pub(super) extern "C" fn objects_changed() {
    if !notice::is_consistent() {
        return;
    }
    let errno = crate::task::errno();
    // A thread may have called dlopen on 16 KiB.
    if let Ok(stack) = crate::task::Stack::take(REFRESH_STACK) {
        corosensei::on_stack(stack, refresh);
    }
    crate::task::set_errno(errno);
}

/// What has been patched; `None` while the gate is shut, or while a thread is at it: who asks may be the end of the process,
/// or the child of a fork, in which that thread does not exist.
pub fn stats() -> Option<Stats> {
    GATE.try_lock().ok()?.as_ref().map(Gate::stats)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Left;

    #[test]
    fn a_libc_is_patched_whole_or_not_at_all() {
        // getpid(2), as in libc; right after it stands no futex.
        static CODE: [u8; 16] = [0x90, 0x90, 0x90, 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3, 0, 0, 0, 0, 0];
        let object = |kind, reason| ObjectStats {
            name: "libx".into(),
            kind,
            patched: 1,
            left: vec![Left { address: CODE.as_ptr() as usize + 8, reason }],
            error: None,
        };
        assert_eq!(forbids_threads(&object(ObjectKind::Libc, Reason::SignalReturn)), None);
        assert_eq!(forbids_threads(&object(ObjectKind::Other, Reason::NoMemory)), None);
        for kind in [ObjectKind::Libc, ObjectKind::Loader] {
            let said = forbids_threads(&object(kind, Reason::NoMemory)).unwrap();
            assert!(said.contains("libx cannot be patched: the memory"), "{said}");
        }
    }
}
