//! What can be seen of the threads from outside: the list that a signal asks for (`PATCHALL_DUMP`), and the description of
//! the engine's records for debuggers, `patchall_debug`, which scripts/gdb/patchall.py reads in a live process or a core.
//!
//! The list is made in the signal handler, without locks and without the scheduler, so that it comes even when that hangs.
//! Records are read while they change: each line is right for a thread that stays as it is.
//!
//! Nothing here costs a thread anything: what it waits for is the number and the arguments of its call, and since when is
//! the time stamp of its park.

use super::os_thread::OsThread;
use super::saved::SavedContext;
use super::thread::{Regs, Resume, Thread, ThreadRef};
use super::waiter::Waiter;
use crate::abi::{self, signal};
use crate::arch;
use crate::mem::{FIRST_RECORD, Pool};
use crate::sys::kernel::UContext;
use crate::sys::text::Text;
use crate::sys::{self, nr};
use core::ffi::CStr;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::*};

/// Time stamps and nanoseconds of the monotonic clock at the opening of the gate and later, to tell one by the other.
#[repr(C)]
struct Clock {
    first: [AtomicU64; 2],
    latest: [AtomicU64; 2],
}

/// The exported description; `Descriptor` in scripts/gdb/patchall.py is its other side. A change of what is in it, or of
/// what it means, is a new version.
#[repr(C)]
pub(crate) struct Descriptor {
    /// "PATCHALL" once there are records, 0 before.
    magic: AtomicU64,
    version: u32,
    /// Bytes of a record.
    thread_size: u32,
    /// Where the address of the newest chunk of records is. A chunk begins with that of the next.
    chunks: AtomicU64,
    /// Where in a chunk its first record is, and how many there are.
    first_record: u32,
    records: u32,
    /// Where the names of the calls are, by number; their size and how many.
    names: AtomicU64,
    name_size: u32,
    names_len: u32,
    clock: Clock,
    /// Of a record: the state word (`sched/state.rs`), whose low byte is the phase.
    state: u32,
    tid: u32,
    fs: u32,
    regs: u32,
    /// Its OS thread; and, in that one's record, whom it runs.
    os: u32,
    os_current: u32,
    /// `Resume`, and the context that `Resume::Saved` goes on from; and where in that the registers are (`SigContext`).
    resume: u32,
    saved: u32,
    saved_regs: u32,
    /// The number of its call, and when it parked in it.
    nr: u32,
    parked_at: u32,
    name: u32,
}

/// See [`Descriptor`].
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub(crate) static patchall_debug: Descriptor = Descriptor {
    magic: AtomicU64::new(0),
    version: 2,
    thread_size: size_of::<Thread>() as u32,
    chunks: AtomicU64::new(0),
    first_record: FIRST_RECORD as u32,
    records: Pool::<Thread>::PER_CHUNK as u32,
    names: AtomicU64::new(0),
    name_size: abi::NAME as u32,
    names_len: abi::NAMES.len() as u32,
    clock: Clock { first: [const { AtomicU64::new(0) }; 2], latest: [const { AtomicU64::new(0) }; 2] },
    state: (offset_of!(Thread, waiter) + offset_of!(Waiter, state)) as u32,
    tid: offset_of!(Thread, tid) as u32,
    fs: offset_of!(Thread, fs) as u32,
    regs: offset_of!(Thread, regs) as u32,
    os: offset_of!(Thread, os) as u32,
    os_current: offset_of!(OsThread, current) as u32,
    resume: offset_of!(Thread, resume) as u32,
    saved: offset_of!(Thread, saved) as u32,
    saved_regs: (offset_of!(SavedContext, uc) + offset_of!(UContext, mcontext)) as u32,
    nr: offset_of!(Thread, nr) as u32,
    parked_at: offset_of!(Thread, parked_at) as u32,
    name: offset_of!(Thread, name) as u32,
};
const _: () = assert!(size_of::<Regs>() == 18 * 8 && Resume::Call as u8 == 1 && Resume::Saved as u8 == 2);

/// Time stamps (of any rate there is) after which [`note_time`] looks at the clock again.
const OFTEN: u64 = 1 << 28;

impl Clock {
    fn note(&self, pair: &[AtomicU64; 2]) {
        pair[0].store(arch::timestamp(), Relaxed);
        pair[1].store(sys::monotonic(), Relaxed);
    }
}

/// The records exist from now on.
pub(crate) fn publish() {
    let d = &patchall_debug;
    d.chunks.store(ThreadRef::pool().chunks() as u64, Relaxed);
    d.names.store(&raw const abi::NAMES as u64, Relaxed);
    d.clock.note(&d.clock.first);
    d.magic.store(u64::from_le_bytes(*b"PATCHALL"), Release);
}

/// Called now and then, by who is about to be idle: keeps the second pair of the clock fresh.
#[inline]
pub(crate) fn note_time() {
    let c = &patchall_debug.clock;
    let latest = c.latest[0].load(Relaxed);
    if latest == 0 || arch::timestamp().wrapping_sub(latest) > OFTEN {
        c.note(&c.latest);
    }
}

/// The file of the list, null: nobody wants one.
static FILE: AtomicPtr<libc::c_char> = AtomicPtr::new(core::ptr::null_mut());
/// The signal that asks for it, as a mask.
static SIGNALS: AtomicU64 = AtomicU64::new(0);
static DUMPING: AtomicBool = AtomicBool::new(false);

/// The signals that are taken from the program.
#[inline(always)]
pub(crate) fn signals() -> u64 {
    SIGNALS.load(Relaxed)
}

/// Has a list of the threads appended to `file` whenever `sig` comes; for the process's constructor.
pub(crate) fn dump_on(sig: i32, file: &'static CStr) {
    FILE.store(file.as_ptr().cast_mut(), Release);
    SIGNALS.store(signal::bit(sig), Release);
    signal::install(sig, libc::SA_RESTART as u64);
}

/// Appends the list. In the signal handler.
pub(crate) fn dump() {
    if DUMPING.swap(true, Acquire) {
        return;
    }
    let flags = (libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_CLOEXEC | libc::O_NOCTTY) as usize;
    // SAFETY: the path stays and ends with a zero byte; the descriptor is ours.
    unsafe {
        let fd = sys::syscall3(nr(libc::SYS_open), FILE.load(Acquire) as usize, flags, 0o644);
        if sys::is_err(fd) {
            sys::stderr(b"patchall: the file that PATCHALL_DUMP names cannot be opened\n");
        } else {
            write(&mut Text::to(fd as i32));
            sys::syscall1(nr(libc::SYS_close), fd as usize);
        }
    }
    DUMPING.store(false, Release);
}

fn write(out: &mut Text) {
    // SAFETY: getpid has no effect.
    let pid = unsafe { sys::syscall0(nr(libc::SYS_getpid)) } as u64;
    out.put(b"process ").decimal(pid).put(b", ").seconds(sys::monotonic()).put(b" s after boot\n");
    if patchall_debug.magic.load(Acquire) == 0 {
        out.put(b"  no threads were made\n").flush();
        return;
    }
    // A second pair long enough after the first, whenever the last one was taken.
    patchall_debug.clock.note(&patchall_debug.clock.latest);
    ThreadRef::pool().each(|t| {
        if let Some(t) = ThreadRef::from_ptr(t)
            && t.tid.get() != 0
        {
            write_thread(out, t);
        }
    });
    out.flush();
}

fn write_thread(out: &mut Text, t: ThreadRef) {
    out.put(b"  ").decimal(t.tid.get() as u64).put(b" \"").put_c(&t.name.get()).put(b"\" ");
    // SAFETY: null, or an OS thread's record, which stays.
    let runs = unsafe { t.os.get().as_ref() }.is_some_and(|os| core::ptr::eq(os.current.load(Relaxed), t.as_ptr()));
    if runs {
        out.put(b"running\n");
    } else if t.waiter.state.waiting().is_none() {
        out.put(b"ready\n");
    } else {
        let number = t.nr.get() as usize & 511;
        out.put(b"parked in ").put_c(&abi::NAMES[number]).put(b"(");
        let first = t.arg(0) as u64;
        // A descriptor or another small number; or an address.
        if first < 1 << 20 {
            out.decimal(first)
        } else {
            out.hex(first)
        };
        out.put(b", ..) for ").seconds(nanoseconds_since(t.parked_at.get())).put(b" s\n");
    }
}

/// How long ago a time stamp was taken.
fn nanoseconds_since(stamp: u64) -> u64 {
    let c = &patchall_debug.clock;
    let [first, latest] = [&c.first, &c.latest].map(|p| [p[0].load(Relaxed), p[1].load(Relaxed)]);
    let [ticks, ns] = [0, 1].map(|i| latest[i].saturating_sub(first[i]) as u128);
    (latest[0].saturating_sub(stamp) as u128 * ns / ticks.max(1)) as u64
}
