//! A coroutine that runs out of stack is named before the process dies of it.
//!
//! The guard page below the stack makes it a SIGSEGV. The handler here runs on the thread's alternate stack, says whose
//! stack it was if the address lies in a guard of ours, and lets the signal do what it did before: the instruction is tried
//! again under the action that was there, which is std's handler, the program's, or death by SIGSEGV.
//!
//! The handler reads atomics and makes raw system calls, nothing else.

use crate::arch;
use crate::sys::text::Text;
use std::cell::{Cell, UnsafeCell};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering::*};

/// A mapped chunk of slots, as the handler finds it.
struct Chunk {
    start: AtomicUsize,
    len: AtomicUsize,
    slot: AtomicUsize,
}

/// Chunks that the handler knows; stacks of later ones overflow without a name. 8 MiB each and more.
const KNOWN: usize = 4096;
static CHUNKS: [Chunk; KNOWN] =
    [const { Chunk { start: AtomicUsize::new(0), len: AtomicUsize::new(0), slot: AtomicUsize::new(0) } }; KNOWN];
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Notes a chunk, whose slots of `slot` bytes begin with their guards.
pub(super) fn register(start: usize, len: usize, slot: usize) {
    let i = COUNT.fetch_add(1, Relaxed);
    if let Some(c) = CHUNKS.get(i) {
        c.slot.store(slot, Relaxed);
        c.len.store(len, Relaxed);
        c.start.store(start, Release);
    }
}

/// Whether an address lies in the guard of one of our stacks.
fn in_guard(address: usize) -> bool {
    CHUNKS.iter().take(COUNT.load(Acquire)).any(|c| {
        let offset = address.wrapping_sub(c.start.load(Acquire));
        offset < c.len.load(Relaxed) && offset % c.slot.load(Relaxed) < super::GUARD
    })
}

/// What was done about SIGSEGV before.
struct Before(UnsafeCell<libc::sigaction>);

// SAFETY: written once, before the handler is installed.
unsafe impl Sync for Before {}
// SAFETY: all-zero is the default action.
static BEFORE: Before = Before(UnsafeCell::new(unsafe { std::mem::zeroed() }));

/// Installs the handler, and gives the calling thread a stack to run it on if it has none. Cheap after the first time.
pub(in crate::task) fn watch() {
    static INSTALL: Once = Once::new();
    // SAFETY: the handler only does what a handler may; the old action goes where nobody looks before the call returns.
    INSTALL.call_once(|| unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        libc::sigaction(libc::SIGSEGV, &raw const action, BEFORE.0.get());
    });
    ALTERNATE.with(|a| a.ensure());
}

thread_local! {
    static ALTERNATE: Alternate = const { Alternate(Cell::new(None)) };
}

/// The stack for handlers of a thread that had none: C's threads, and std's before the standard library's own handler.
struct Alternate(Cell<Option<Box<[u8]>>>);

impl Alternate {
    fn ensure(&self) {
        const SIZE: usize = 64 << 10;
        // SAFETY: sigaltstack(2) reads and writes our own structures; the memory lives as long as the thread's use of it.
        unsafe {
            let mut now: libc::stack_t = std::mem::zeroed();
            if libc::sigaltstack(std::ptr::null(), &raw mut now) == 0 && now.ss_flags & libc::SS_DISABLE != 0 {
                let mut memory = vec![0u8; SIZE].into_boxed_slice();
                let ours = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: SIZE };
                libc::sigaltstack(&raw const ours, std::ptr::null_mut());
                self.0.set(Some(memory));
            }
        }
    }
}

impl Drop for Alternate {
    fn drop(&mut self) {
        if self.0.take().is_some() {
            // SAFETY: no stack; the memory is freed after that.
            unsafe {
                let none = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
                libc::sigaltstack(&raw const none, std::ptr::null_mut());
            }
        }
    }
}

unsafe extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: SA_SIGINFO: the kernel passes a description of the fault (sigaction(2)).
    let address = unsafe { (*info).si_addr() } as usize;
    if in_guard(address) {
        // SAFETY: the thread's own scheduler, or null.
        let s = unsafe { arch::local().as_ref() };
        let mut text = Text::to(2);
        match s.map(|s| s.who_runs()) {
            Some((id, name)) if id != 0 => {
                text.put(b"patchall: coroutine ").decimal(id);
                if !name.is_empty() {
                    text.put(b" \"").put(name.as_bytes()).put(b"\"");
                }
                text.put(b" has overflowed its stack (task::Builder::stack_size gives it a larger one)\n");
            }
            _ => {
                text.put(b"patchall: a generator or greenlet has overflowed its stack\n");
            }
        }
        text.flush();
        // SAFETY: the default action; the instruction is tried again, and the process dies as of any overflow.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    // SAFETY: written before this handler was installed; a handler is called as sigaction(2) says it is.
    unsafe {
        let before = &*BEFORE.0.get();
        match before.sa_sigaction {
            libc::SIG_DFL | libc::SIG_IGN => {
                libc::signal(signal, libc::SIG_DFL);
            }
            f if before.sa_flags & libc::SA_SIGINFO != 0 => {
                let f: unsafe extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    std::mem::transmute(f);
                f(signal, info, context);
            }
            f => {
                let f: unsafe extern "C" fn(libc::c_int) = std::mem::transmute(f);
                f(signal);
            }
        }
    }
}
