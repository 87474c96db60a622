//! The smallest entries there can be. They change nothing but the flags, which a system call does
//! not keep for anyone.

use std::sync::atomic::{AtomicU64, Ordering};

use patchall::gate::Entries;

core::arch::global_asm!(
    ".pushsection .bss.gate_test_calls, \"aw\", @nobits",
    ".balign 8",
    ".globl gate_test_calls",
    "gate_test_calls: .zero 8",
    ".popsection",
    ".globl gate_test_counting",
    "gate_test_counting:",
    "lock inc qword ptr [rip + gate_test_calls]",
    "jmp r11",
    ".globl gate_test_answering",
    "gate_test_answering:",
    "cmp eax, {getppid}",
    "jne gate_test_counting",
    "mov eax, {answer}",
    "lea r11, [r11 + 2]",
    "jmp r11",
    getppid = const libc::SYS_getppid,
    answer = const ANSWER,
);

unsafe extern "C" {
    static gate_test_calls: AtomicU64;
    fn gate_test_counting();
    fn gate_test_answering();
}

/// What `getppid` gives by the answering entry.
pub(crate) const ANSWER: i32 = 424242;

/// An entry that counts and lets through.
pub(crate) fn entries() -> Entries {
    let entry = gate_test_counting as *const () as usize;
    Entries { libc: entry, full: entry, wanted: |_| true }
}

/// An entry that answers `getppid` itself.
pub(crate) fn answering() -> Entries {
    let entry = gate_test_answering as *const () as usize;
    Entries { libc: entry, full: entry, wanted: |_| true }
}

/// How many calls have come through.
pub(crate) fn calls() -> u64 {
    // SAFETY: defined above, eight bytes, aligned; changed by atomic instructions only.
    unsafe { gate_test_calls.load(Ordering::SeqCst) }
}

/// Makes `/proc/self/mem` unwritable for this process, in a mount namespace of its own. False: not
/// allowed.
pub(crate) fn hide_memory_file() -> bool {
    let none = std::ptr::null();
    let path = format!("/proc/{}/mem\0", std::process::id());
    let bind = |from: &std::ffi::CStr, to: *const libc::c_char, flags| {
        // SAFETY: mount(2) with NUL-terminated strings.
        unsafe { libc::mount(from.as_ptr(), to, none, flags, none.cast()) == 0 }
    };
    // SAFETY: unshare(2) of namespaces that only this process, with one thread, is in.
    let apart = unsafe { libc::unshare(libc::CLONE_NEWNS) == 0 }
        || unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) == 0 };
    apart
        && bind(c"none", c"/".as_ptr(), libc::MS_REC | libc::MS_PRIVATE)
        && bind(c"/dev/null", path.as_ptr().cast(), libc::MS_BIND)
}
