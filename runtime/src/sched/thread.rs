//! The record of a virtual thread.
//!
//! A virtual thread is to the engine what a task is to the kernel. While it runs, its registers are the processor's; from
//! the moment it enters the gate until it goes back, they are in [`Thread::regs`], and nothing of it lies on any stack of
//! the engine. So a parked thread is nothing but this record: it costs no engine stack, it can be published the moment it
//! has parked, and nothing is written to the program's stack that the kernel would not have written (invariants 4, 12).
//!
//! Who may touch what: fields in `Cell` belong to whoever runs the thread (a hub that holds it); atomics may be touched by
//! anyone; for the rest a comment says whose lock covers it. Records come from a pool and are never unmapped, so the
//! pointer of a late waker is always one to a record.

use super::os_thread::OsThread;
use super::saved::SavedContext;
use super::state::{State, Wake};
use super::waiter::Waiter;
use crate::abi::signal::SignalState;
use crate::arch;
use crate::mem::{Pool, Pooled};
use crate::reactor::{FdWait, FdWaits};
use core::cell::{Cell, UnsafeCell};
use core::mem::offset_of;
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::Acquire};

/// General registers. At a gate entry `r11` is the address of the native `syscall` in the site's trampoline.
#[repr(C)]
#[derive(Clone, Copy, Default)]
#[allow(missing_docs)]
pub(crate) struct Regs {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub rip: u64,
    pub rflags: u64,
    pub rsp: u64,
}

/// The low halves of the vector registers: all that can be live at a `syscall` inside libc or ld.so.
#[repr(C, align(16))]
#[derive(Clone, Copy, Default)]
pub(crate) struct Xmm(pub [[u64; 2]; 16]);

/// How a thread goes on when it is next run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Resume {
    /// From [`Thread::regs`], as after a system call.
    Regs = 0,
    /// Its call is stepped again first: it was parked.
    Call = 1,
    /// From [`Thread::saved`], every register exact: it was preempted, or returns from a signal handler.
    Saved = 2,
}

/// What a blocking call keeps while its thread is parked; the call says what the words mean.
#[derive(Default)]
pub(crate) struct CallState {
    /// Monotonic nanoseconds at which the wait ends; `u64::MAX`: never.
    pub deadline: Cell<u64>,
    /// What is done so far: bytes, messages.
    pub done: Cell<u64>,
    /// Anything else.
    pub word: Cell<u64>,
}

/// A virtual thread. Ordered by what touches it together: with a thousand threads each line of a record is a cache miss.
#[repr(C, align(64))]
pub(crate) struct Thread {
    // Running it: lines 0 to 2. The entry code knows the offsets of these, and of `xmm`.
    pub(crate) regs: UnsafeCell<Regs>,
    pub(crate) os: Cell<*const OsThread>,
    pub(crate) fs: Cell<u64>,
    /// The thread is in a call from a site where whole vector registers may be live: they are in the OS thread's XSAVE area, or
    /// in `vectors` while it does not run.
    pub(crate) full: Cell<bool>,
    pub(crate) resume: Cell<Resume>,
    pub(crate) main: Cell<bool>,
    /// A child that shares our memory may exist: calls pass through while the process id is not ours.
    pub(crate) vfork: Cell<bool>,
    /// A signal may end the present park.
    pub(crate) interruptible: AtomicBool,
    /// Why the last park ended, for the call that is stepped again.
    woken: Cell<Option<Wake>>,
    /// Number of the running call.
    pub(crate) nr: Cell<u16>,
    /// The thread id the program sees.
    pub tid: Cell<u32>,
    /// MXCSR and x87 control word while it does not run.
    pub(crate) fp_control: Cell<u64>,
    /// Time stamp of the last park.
    pub(crate) parked_at: Cell<u64>,

    // Waking it: lines 3 and 4.
    /// What it waits for.
    pub waiter: Waiter,
    /// Next in a run queue or in the pool's free list, under its lock.
    pub(crate) next: AtomicPtr<Thread>,
    /// The node of a wait on one descriptor.
    pub(crate) fd_wait: FdWait,
    /// The OS thread it is bound to ([`super::bound`]); null: it runs on any carrier.
    pub(crate) home: AtomicPtr<OsThread>,

    // Its calls: line 5 and what of line 6 is signals.
    /// The context `Resume::Saved` goes on from; null when it has none.
    pub(crate) saved: Cell<*mut SavedContext>,
    /// State of the running call.
    pub call: CallState,
    /// The deepest stack pointer the engine has seen it with: how much of its stack may be in use.
    pub(crate) lowest_sp: Cell<u64>,
    /// CPU time: time stamps and nanoseconds, which add up ([`super::cpu_clock`]), and the most that was shown.
    pub(crate) cpu_ticks: AtomicU64,
    /// See above.
    pub(crate) cpu_ns: AtomicU64,
    /// See above.
    pub(crate) cpu_seen: AtomicU64,
    /// Signals.
    pub(crate) signals: SignalState,

    // Used when it goes in and out, as the registers, or rarely.
    pub(crate) xmm: UnsafeCell<Xmm>,
    /// Extended state of a thread that parked at a site outside libc; null when it never did.
    pub(crate) vectors: Cell<*mut u8>,
    /// Neighbour in its bucket of the tid table, under the table's lock.
    pub(crate) next_tid: Cell<*const Thread>,
    /// The word that is cleared and woken at its death, or 0.
    pub(crate) clear_tid: Cell<usize>,
    /// Head of its robust list, or 0.
    pub(crate) robust: Cell<usize>,
    /// The nodes of a wait on many descriptors.
    pub(crate) fd_waits: FdWaits,
    /// Result of a call that a helper made for it.
    pub(crate) offloaded: Cell<isize>,
    /// The first 64 CPUs of the affinity mask it set; 0: never set.
    pub(crate) affinity: Cell<u64>,
    /// What another thread has set for it of policy, priority and nice value (abi/scheduling.rs).
    pub(crate) scheduling: AtomicU64,
    /// PR_SET_NAME.
    pub(crate) name: Cell<[u8; 16]>,
}

const _: () = assert!(offset_of!(Thread, waiter) == 3 * arch::LINE && offset_of!(Thread, next) == 4 * arch::LINE);
const _: () = assert!(offset_of!(Thread, saved) == 5 * arch::LINE);

// SAFETY: see the header.
unsafe impl Sync for Thread {}

// SAFETY: `next` is unused while the record is free.
unsafe impl Pooled for Thread {
    fn next_free(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

static POOL: Pool<Thread> = Pool::new();

/// A pointer to a record; always valid, whatever became of the thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadRef(NonNull<Thread>);

// SAFETY: `Thread` is Sync and its memory stays.
unsafe impl Send for ThreadRef {}

impl Deref for ThreadRef {
    type Target = Thread;
    #[inline(always)]
    fn deref(&self) -> &Thread {
        // SAFETY: records are never unmapped.
        unsafe { self.0.as_ref() }
    }
}

impl ThreadRef {
    /// A new record: everything zero, but for the sequence of its state word, which goes on.
    pub(crate) fn new() -> Result<ThreadRef, i32> {
        let p = POOL.take()?;
        // SAFETY: the record is ours alone; late wakers touch only `waiter.state` and `futex`, which are skipped: a thread
        // leaves every bucket before it dies. All-zero is a valid Thread (no references, enums with a zero variant).
        unsafe {
            let bytes = p.cast::<u8>();
            let (from, to) = (offset_of!(Thread, waiter), offset_of!(Thread, waiter) + size_of::<State>());
            bytes.write_bytes(0, from);
            bytes.add(to).write_bytes(0, size_of::<Thread>() - to);
            (&raw mut (*p).woken).write(Cell::new(None));
            Ok(ThreadRef(NonNull::new_unchecked(p)))
        }
    }

    /// Gives the record of a dead thread back.
    ///
    /// # Safety
    /// It is in no queue, bucket, heap or table, and runs nowhere.
    pub(crate) unsafe fn free(self) {
        // Who looks at all records (debug.rs) knows by this that it is nobody's.
        self.tid.set(0);
        // SAFETY: by contract.
        unsafe { POOL.give(self.0.as_ptr()) };
    }

    /// From a pointer that may be null.
    #[inline(always)]
    pub(crate) fn from_ptr(p: *const Thread) -> Option<ThreadRef> {
        NonNull::new(p.cast_mut()).map(ThreadRef)
    }

    /// The pointer.
    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *const Thread {
        self.0.as_ptr()
    }

    /// The thread a waiter is part of.
    ///
    /// # Safety
    /// `w` is the `waiter` of a thread.
    #[inline(always)]
    pub(crate) unsafe fn of_waiter(w: *const Waiter) -> ThreadRef {
        // SAFETY: by contract.
        unsafe { ThreadRef(NonNull::new_unchecked(w.byte_sub(offset_of!(Thread, waiter)).cast_mut().cast())) }
    }

    /// It will run soon: its record is fetched, what of it the waker has not touched.
    #[inline(always)]
    pub(crate) fn fetch_record(self) {
        let at = self.as_ptr() as usize;
        for line in [0, 1, 2, 5, 6, 7, 8, 9, 10] {
            arch::prefetch(at + line * arch::LINE);
        }
    }

    /// It will run soon: what it touches first of its stack and TLS block is fetched.
    #[inline(always)]
    pub(crate) fn fetch_stack(self) {
        // SAFETY: it is queued; a thief that runs it may write these words meanwhile, and then the hint is wrong.
        let (sp, buffer) = unsafe {
            let regs = self.regs.get();
            ((&raw const (*regs).rsp).read_volatile() as usize, (&raw const (*regs).rsi).read_volatile() as usize)
        };
        let fs = self.fs.get() as usize;
        for at in [sp, sp + arch::LINE, sp + 2 * arch::LINE, buffer, fs, fs.wrapping_add_signed(arch::current_offset())]
        {
            arch::prefetch(at);
        }
    }

    /// The pool, for who looks at all records.
    pub(crate) fn pool() -> &'static Pool<Thread> {
        &POOL
    }

    /// The pool's lock, held across a fork.
    pub(crate) fn freeze_pool() -> impl Drop {
        POOL.freeze()
    }
}

impl Thread {
    /// The program's registers, while the thread is in the engine.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    pub(crate) fn regs(&self) -> &mut Regs {
        // SAFETY: owner only (header), and no reference is kept across a call that makes another.
        unsafe { &mut *self.regs.get() }
    }

    /// Argument `i` (0 to 5) of the running call.
    #[inline(always)]
    pub(crate) fn arg(&self, i: usize) -> usize {
        let r = self.regs();
        (match i {
            0 => r.rdi,
            1 => r.rsi,
            2 => r.rdx,
            3 => r.r10,
            4 => r.r8,
            _ => r.r9,
        }) as usize
    }

    /// Why the call is stepped again; `None` the first time.
    #[inline(always)]
    pub(crate) fn woken(&self) -> Option<Wake> {
        self.woken.get()
    }

    pub(crate) fn set_woken(&self, w: Option<Wake>) {
        self.woken.set(w);
    }

    /// Takes note of how deep its stack is.
    #[inline(always)]
    pub(crate) fn note_sp(&self, sp: u64) {
        if sp < self.lowest_sp.get() {
            self.lowest_sp.set(sp);
        }
    }

    /// The OS thread it is bound to.
    #[inline(always)]
    pub(crate) fn home(&self) -> Option<&'static OsThread> {
        // SAFETY: OS threads' blocks are never unmapped, and a bound thread's home waits for its end.
        unsafe { self.home.load(Acquire).as_ref() }
    }

    /// The OS thread it runs on.
    #[inline(always)]
    pub(crate) fn os(&self) -> &OsThread {
        // SAFETY: set before it runs; OS threads' blocks are never unmapped.
        unsafe { &*self.os.get() }
    }
}

const _: () = assert!(Resume::Regs as u8 == 0);
