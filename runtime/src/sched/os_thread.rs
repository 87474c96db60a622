//! The record of an OS thread of the engine, in the block that also holds its stacks.
//!
//! ```text
//! block base                                                                          base + BLOCK
//!   │ guard │ alternate signal stack │ guard │ hub stack                 │ OsThread, XSAVE area │
//! ```
//!
//! Blocks have a size and an alignment of their own and lie in one region, so [`OsThread::here`] finds the record from the
//! stack pointer alone: in the hub and in our signal handlers, where FS may belong to a virtual thread that already runs
//! elsewhere.

use super::carrier::Carrier;
use super::cpu_clock::Cpu;
use super::helper::Job;
use super::saved::SavedContext;
use super::thread::Thread;
use crate::arch;
use crate::sys::{self, kernel::SigStack, spin::Spin};
use core::cell::Cell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering::*};

/// Size and alignment of a block.
const BLOCK: usize = 256 << 10;
const GUARD: usize = 4096;
/// Nested handlers of ours need at most four frames; a frame with AMX state has about 11 KiB (AT_MINSIGSTKSZ).
const ALT_STACK: usize = 60 << 10;
/// The record and the XSAVE area (at most 2.7 KiB without AMX).
const RECORD: usize = 24 << 10;

/// What brought an OS thread back to its hub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Trap {
    /// The gate: a system call.
    Call = 0,
    /// The tick: the thread's context is in `Thread::saved`.
    Tick = 1,
    /// A signal handler that found the thread on its way out: nothing happened, look again.
    Again = 2,
}

/// An OS thread that runs virtual threads, or helps.
#[repr(C, align(64))]
pub(crate) struct OsThread {
    // The entry code knows these.
    pub(crate) hub_sp: Cell<u64>,
    pub(crate) hub_ip: Cell<u64>,
    pub(crate) inside: AtomicU8,
    pub(crate) trap: Cell<Trap>,
    pub(crate) xsave_mask: Cell<u64>,
    pub(crate) xsave_area: Cell<*mut u8>,

    /// The virtual thread it runs, null in the hub. Read by its own signal handlers.
    pub(crate) current: AtomicPtr<Thread>,
    /// It is, or was, the home of a bound thread ([`super::bound`]).
    pub(crate) is_home: AtomicBool,
    /// The thread that is bound to it, and the same when it may run.
    pub(crate) bound: AtomicPtr<Thread>,
    /// See above.
    pub(crate) mine: AtomicPtr<Thread>,
    /// The run queue it serves, null when it serves none.
    pub(crate) carrier: AtomicPtr<Carrier>,
    /// Its real thread id.
    pub(crate) ktid: AtomicI32,
    /// A tick came while it was in the engine: look at the queue before going back.
    pub(crate) resched: AtomicBool,
    /// A kick is on its way: real-time signals queue, one at a time is enough.
    pub(crate) kicked: AtomicBool,
    /// What the kernel has blocked for it.
    pub(crate) kernel_mask: Cell<u64>,
    /// Futex word it sleeps on: 0 asleep or about to, 1 woken.
    pub(crate) wake: AtomicU32,
    /// Next in the list of sleepers, under its lock.
    pub(crate) next_sleeper: Cell<*const OsThread>,
    /// Whether it is in that list.
    pub(crate) listed: Cell<bool>,
    /// FS base that is loaded while it is in the hub.
    pub(crate) fs: Cell<u64>,
    /// Counts turns of the hub, for what is done every so many, and for the watchdog. Written by the owner only.
    pub(crate) turns: AtomicU32,
    /// How often it had polled when that was last looked at, and when it was first seen so.
    pub(crate) polls_then: Cell<u64>,
    /// See above.
    pub(crate) polled_at: Cell<u64>,
    /// The queue it served last, for what it still runs when it has no role any more.
    pub(crate) served: AtomicPtr<Carrier>,
    /// Its end would be noticed (sched/spare.rs).
    pub(crate) keeps: AtomicBool,
    /// It cannot run virtual threads: it has no alternate stack.
    pub(crate) unfit: AtomicBool,
    /// What it was found stuck in by the watchdog, which cannot say so itself: milliseconds and the call.
    pub(crate) stuck: super::watch::Stuck,
    /// Its tick's timer, plus one; 0: it has none.
    pub(crate) timer: Cell<i32>,
    /// Where the tick saves the next preempted context.
    pub(crate) spare: Cell<*mut SavedContext>,
    /// What its threads' CPU clocks are counted by.
    pub(crate) cpu: Cpu,
    /// What it does as a helper.
    pub(crate) job: Job,
    /// Counters, read by the report.
    pub(crate) counters: Counters,
}

/// What the report sums over all OS threads. Written by the owner only.
pub(crate) struct Counters {
    pub(crate) switches: Cell<u64>,
    pub(crate) preemptions: Cell<u64>,
    pub(crate) migrations: Cell<u64>,
    pub(crate) steals: Cell<u64>,
    pub(crate) polls: Cell<u64>,
    /// By system call number.
    pub(crate) parks: [Cell<u64>; 512],
}

impl Counters {
    /// Sets all to zero.
    pub(crate) fn clear(&self) {
        for c in [&self.switches, &self.preemptions, &self.migrations, &self.steals, &self.polls] {
            c.set(0);
        }
        for c in &self.parks {
            c.set(0);
        }
    }
}

/// Adds to a counter that only one thread writes.
#[inline(always)]
pub(crate) fn count(c: &Cell<u64>) {
    c.set(c.get().wrapping_add(1));
}

// SAFETY: `Cell`s belong to the OS thread itself or are covered by the lock named; the report reads counters as they are.
unsafe impl Sync for OsThread {}

struct Region {
    base: usize,
    /// What is mapped.
    mapped: [usize; 2],
    used: usize,
    free: *mut OsThread,
}
// SAFETY: pointers to blocks, which nobody owns.
unsafe impl Send for Region {}

static REGION: Spin<Region> = Spin::new(Region { base: 0, mapped: [0; 2], used: 0, free: null_mut() });
/// Copies of the region's bounds that handlers read without the lock.
static BASE: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);
/// OS threads alive, and the most there were.
static ALIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Reserves address space for the blocks of `n` OS threads.
pub(crate) fn reserve(n: usize) -> Result<(), i32> {
    let mut r = REGION.lock();
    if r.base == 0 {
        let p = sys::map_with((n + 1) * BLOCK, libc::PROT_NONE, libc::MAP_NORESERVE)? as usize;
        r.base = (p + BLOCK - 1) & !(BLOCK - 1);
        r.mapped = [p, p + (n + 1) * BLOCK];
        BASE.store(r.base, Relaxed);
        END.store(r.base + n * BLOCK, Release);
    }
    Ok(())
}

/// Address space has become scarce: keeps room for `n` OS threads, or for those there are.
pub(crate) fn trim(n: usize) {
    let mut r = REGION.lock();
    let end = r.base + n.max(r.used) * BLOCK;
    if r.base != 0 && end < r.mapped[1] {
        END.store(end, SeqCst);
        sys::unmap(end, r.mapped[1]);
        r.mapped[1] = end;
    }
}

/// Gives everything back.
///
/// # Safety
/// No OS thread of the engine's has begun, and no record is used any more.
pub(crate) unsafe fn give_up() {
    let mut r = REGION.lock();
    END.store(0, SeqCst);
    sys::unmap(r.mapped[0], r.mapped[1]);
    *r = Region { base: 0, mapped: [0; 2], used: 0, free: null_mut() };
    ALIVE.store(0, Relaxed);
    MOST.store(0, Relaxed);
}

/// The most OS threads the engine had at once.
pub(crate) fn most() -> usize {
    MOST.load(Relaxed)
}

/// How many there are.
pub(crate) fn alive() -> usize {
    ALIVE.load(Relaxed)
}

/// All blocks ever used, for the report.
pub(crate) fn all() -> impl Iterator<Item = &'static OsThread> {
    let (base, used) = {
        let r = REGION.lock();
        (r.base, r.used)
    };
    // SAFETY: the first `used` blocks hold a record.
    (0..used).map(move |i| unsafe { &*record_of(base + i * BLOCK) })
}

fn record_of(block: usize) -> *mut OsThread {
    (block + BLOCK - RECORD) as *mut OsThread
}

impl OsThread {
    /// A record with its stacks. EAGAIN when the region is used up.
    pub(crate) fn new() -> Result<&'static OsThread, i32> {
        let mut r = REGION.lock();
        let p = if !r.free.is_null() {
            let p = r.free;
            // SAFETY: a free record's `current` is the link of the list.
            r.free = unsafe { (*p).current.load(Relaxed).cast() };
            p
        } else {
            let block = r.base + r.used * BLOCK;
            if block >= END.load(Relaxed) {
                return Err(libc::EAGAIN);
            }
            for (from, len) in [(GUARD, ALT_STACK), (2 * GUARD + ALT_STACK, BLOCK - 2 * GUARD - ALT_STACK)] {
                let prot = (libc::PROT_READ | libc::PROT_WRITE) as usize;
                // SAFETY: part of our own reserved region.
                let e = unsafe { sys::syscall3(sys::nr(libc::SYS_mprotect), block + from, len, prot) };
                if sys::is_err(e) {
                    return Err(-e as i32);
                }
            }
            r.used += 1;
            record_of(block)
        };
        let spare = SavedContext::take()?;
        // SAFETY: the record is ours, and zero or that of an OS thread that has ended; all-zero is a valid record.
        let os = unsafe {
            let counters = core::ptr::read(&raw const (*p).counters);
            p.cast::<u8>().write_bytes(0, size_of::<OsThread>());
            (&raw mut (*p).counters).write(counters);
            &*p
        };
        os.inside.store(1, Relaxed);
        os.spare.set(spare);
        os.xsave_mask.set(arch::xsave_mask());
        os.xsave_area.set(((p as usize + size_of::<OsThread>() + 63) & !63) as *mut u8);
        Ok(os)
    }

    /// Gives block and record back.
    ///
    /// # Safety
    /// The OS thread has ended, or never began.
    pub(crate) unsafe fn free(&self) {
        SavedContext::give(self.spare.get());
        let mut r = REGION.lock();
        self.current.store(r.free.cast(), Relaxed);
        r.free = (&raw const *self).cast_mut();
        if self.ktid.load(Relaxed) != 0 {
            ALIVE.fetch_sub(1, Relaxed);
        }
    }

    /// The kernel has the thread: counts it.
    pub(crate) fn began(&self, ktid: i32) {
        // The new thread may store the same.
        self.ktid.store(ktid, SeqCst);
        MOST.fetch_max(ALIVE.fetch_add(1, Relaxed) + 1, Relaxed);
    }

    /// The record of the OS thread whose hub stack or alternate stack the caller runs on.
    #[inline(always)]
    pub(crate) fn here() -> Option<&'static OsThread> {
        let sp = arch::stack_pointer();
        if sp < BASE.load(Relaxed) || sp >= END.load(Relaxed) {
            return None;
        }
        // SAFETY: a stack pointer inside the region is one inside a block in use.
        Some(unsafe { &*record_of(sp & !(BLOCK - 1)) })
    }

    /// Upper end of the hub stack, 16-byte aligned.
    pub(crate) fn hub_stack_top(&self) -> usize {
        (&raw const *self) as usize & !15
    }

    /// Base and size of the alternate signal stack.
    pub(crate) fn alt_stack(&self) -> (usize, usize) {
        let block = (&raw const *self) as usize & !(BLOCK - 1);
        (block + GUARD, ALT_STACK)
    }

    /// Gives the calling OS thread our alternate stack; answers with the one it had.
    pub(crate) fn install_alt_stack(&self) -> Result<SigStack, i32> {
        let (sp, size) = self.alt_stack();
        let (s, mut old) = (SigStack { sp, size, ..Default::default() }, SigStack::default());
        // SAFETY: the stack is the caller's own; sigaltstack copies the structures.
        let r = unsafe { sys::syscall2(sys::nr(libc::SYS_sigaltstack), &raw const s as usize, &raw mut old as usize) };
        if sys::is_err(r) { Err(-r as i32) } else { Ok(old) }
    }

    /// For the child of a fork, whose only OS thread this is.
    ///
    /// # Safety
    /// Nobody else exists; the region's lock was held by us or nobody.
    pub(crate) unsafe fn after_fork(&self) {
        // SAFETY: by contract.
        unsafe { REGION.reset() };
        ALIVE.store(1, Relaxed);
        MOST.store(1, Relaxed);
        let mut r = REGION.lock();
        let (base, used) = (r.base, r.used);
        r.free = null_mut();
        for i in 0..used {
            let p = record_of(base + i * BLOCK);
            if !core::ptr::eq(p, self) {
                // SAFETY: the blocks of OS threads that do not exist here.
                unsafe { (*p).current.store(r.free.cast(), Relaxed) };
                r.free = p;
            }
        }
    }
}

const _: () = assert!(size_of::<OsThread>() + 64 + 4096 <= RECORD);
