//! Patching: making what a program calls yield. (gevent: `gevent.monkey`.)
//!
//! A program says [`export_hooks!`](crate::export_hooks) once, outside of its functions, so that its own calls, std's and those of C
//! libraries in the process come through here; and calls [`patch_all`] where it wants that to begin. From then on a blocking call
//! made by a coroutine lets the thread's other coroutines run.
//!
//! ```
//! patchall::export_hooks!();
//!
//! fn main() {
//!     patchall::monkey::patch_all();
//!     let begin = std::time::Instant::now();
//!     let naps = (0..10).map(|_| patchall::spawn(|| std::thread::sleep(std::time::Duration::from_millis(20))));
//!     patchall::join_all(naps);
//!     assert!(begin.elapsed() < std::time::Duration::from_millis(150), "one after the other it would be 200");
//! }
//! ```
//!
//! Which calls there are, and what they do, stands in [`crate::hooks`]; [`LEFT_OUT`](crate::hooks::LEFT_OUT) lists what does
//! not yield, with the reasons. Calls of threads that have no coroutines are libc's own, as before.
//!
//! # Threads
//!
//! [`Groups::THREAD`] has two parts. std's locks (Mutex, RwLock, Condvar, Once and what is made of them) yield between
//! coroutines, of one thread or several. And threads that are made from then on become virtual ones, as under the launcher,
//! if the process has a single thread at that moment: see [`Threads`]. `patch_all()` at the beginning of `main` is early enough;
//! in a `#[test]`, whose harness has threads, the coroutines yield all the same, and new threads stay native.
//!
//! When the program runs under the launcher, the preloaded library is the one that makes virtual threads.

use crate::config::{Config, Level, Tick};
use crate::hooks;
use crate::process::{self, Settings};
use std::ops::BitOr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

static PATCHED: AtomicU32 = AtomicU32::new(0);

/// Groups of calls, to be patched together; joined by `|`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Groups(u32);

impl Groups {
    /// sleep, usleep, nanosleep, clock_nanosleep, thrd_sleep, sched_yield: [`std::thread::sleep`].
    pub const TIME: Groups = Groups(1);
    /// recv, send, connect, accept and their kin; read and write of sockets: [`std::net`].
    pub const SOCKET: Groups = Groups(1 << 1);
    /// getaddrinfo and its kin: not hooked (libc calls itself); they wait as a whole thread does. See
    /// [`resolve`](crate::resolve).
    pub const DNS: Groups = Groups(1 << 2);
    /// poll, select, epoll_wait and their kin.
    pub const SELECT: Groups = Groups(1 << 3);
    /// std's locks, and virtual threads: see above.
    pub const THREAD: Groups = Groups(1 << 4);
    /// wait, waitpid, waitid and their kin: [`std::process`].
    pub const PROCESS: Groups = Groups(1 << 5);
    /// read and write of everything but sockets: pipes, terminals, [`std::fs`]. Regular files are served from the page cache, or
    /// wait as before; so do writes to standard output and standard error, because who prints holds a lock for the thread.
    pub const FILE: Groups = Groups(1 << 6);
    /// sigwait and its kin: not hooked; they wait as a whole thread does.
    pub const SIGNAL: Groups = Groups(1 << 7);
    /// All of them.
    pub const ALL: Groups = Groups(0xff);
    /// read and write: which group they are of is the descriptor's.
    pub(crate) const STREAM: Groups = Groups(1 << 1 | 1 << 6);

    /// Whether one of them is patched.
    #[inline(always)]
    pub(crate) fn any_is_patched(self) -> bool {
        PATCHED.load(Relaxed) & self.0 != 0
    }
}

impl BitOr for Groups {
    type Output = Groups;

    fn bitor(self, other: Groups) -> Groups {
        Groups(self.0 | other.0)
    }
}

/// What threads are that are made from now on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Threads {
    /// Virtual threads: coroutines that the scheduler interrupts, on a few OS threads.
    Virtual,
    /// OS threads, for this reason. Each may have coroutines of its own.
    Native(String),
}

/// Patches everything. Nothing more happens when it is called again.
///
/// # Panics
/// When the program does not [`export_hooks!`](crate::export_hooks).
pub fn patch_all() -> Threads {
    patch(Groups::ALL)
}

/// Patches some groups; those that are patched already stay so.
///
/// ```
/// use patchall::monkey::{Groups, is_patched, patch};
/// patchall::export_hooks!();
/// # fn main() {
/// patch(Groups::TIME | Groups::SOCKET);
/// assert!(is_patched(Groups::TIME) && !is_patched(Groups::TIME | Groups::FILE));
/// # }
/// ```
///
/// # Panics
/// As [`patch_all`].
pub fn patch(groups: Groups) -> Threads {
    assert!(
        hooks::are_exported(),
        "nothing can be patched: the program has to say `patchall::export_hooks!();` once, outside of its functions"
    );
    PATCHED.fetch_or(groups.0, Relaxed);
    if is_patched(Groups::THREAD) { threads() } else { Threads::Native("threads are not patched".into()) }
}

/// Whether all of these groups are patched.
pub fn is_patched(groups: Groups) -> bool {
    PATCHED.load(Relaxed) & groups.0 == groups.0
}

/// Whether a read or write of this descriptor is patched.
pub(crate) fn is_stream_patched(fd: i32) -> bool {
    let patched = PATCHED.load(Relaxed) & Groups::STREAM.0;
    if patched == Groups::STREAM.0 || patched == 0 {
        return patched != 0;
    }
    let mut kind = 0i32;
    let mut len = size_of::<i32>() as libc::socklen_t;
    // SAFETY: room for an int; fails for what is no socket (getsockopt(2)).
    let is_socket = unsafe {
        let (kind, len) = (&raw mut kind as usize, &raw mut len as usize);
        let args = [fd as usize, libc::SOL_SOCKET as usize, libc::SO_TYPE as usize];
        crate::sys::syscall5(crate::sys::nr(libc::SYS_getsockopt), args[0], args[1], args[2], kind, len) == 0
    };
    (patched == Groups::SOCKET.0) == is_socket
}

/// Makes threads virtual from now on, if that can be; what came of the first attempt is the answer ever after.
fn threads() -> Threads {
    static OUTCOME: Mutex<Option<Threads>> = Mutex::new(None);
    let mut outcome = OUTCOME.lock().unwrap_or_else(PoisonError::into_inner);
    outcome.get_or_insert_with(|| open().map_or_else(Threads::Native, |()| Threads::Virtual)).clone()
}

fn open() -> Result<(), String> {
    // SAFETY: looks a name up; the preloaded library's function of this name takes nothing and answers whether its gate is open.
    let preloaded = unsafe {
        let p = libc::dlsym(libc::RTLD_DEFAULT, c"patchall_open_gate".as_ptr());
        (!p.is_null()).then(|| std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> bool>(p))
    };
    if let Some(open) = preloaded {
        return if open() { Ok(()) } else { Err("the launcher's library keeps threads native".into()) };
    }
    let threads = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    if threads != 1 {
        return Err(format!("the process has {threads} threads already"));
    }
    unsafe extern "C" {
        static environ: *const *mut libc::c_char;
    }
    process::at_load();
    // SAFETY: there is one thread, so nobody changes the environment.
    let (config, _) = unsafe { Config::from_environ(Config::DEFAULT, environ) };
    if !config.gate {
        return Err("PATCHALL_GATE=off".into());
    }
    let slice_ns = match config.tick {
        Tick::Off => 0,
        Tick::Every(us) => u64::from(us) * 1000,
    };
    let carriers = config.carriers.map_or_else(process::usable_cpus, |n| n as usize);
    let (handover, warn) = (config.handover, config.log >= Level::Warn);
    process::open(&Settings { carriers, slice_ns, handover, warn }).map_err(|e| e.to_string())
}

/// libc's own functions, which never yield: `original::read(..)` and so on. (gevent: `get_original`.)
///
/// ```
/// let mut byte = 0u8;
/// // SAFETY: room for a byte.
/// let n = unsafe { patchall::monkey::original::read(-1, (&raw mut byte).cast(), 1) };
/// assert_eq!(n, -1);
/// ```
pub mod original {
    pub use crate::hooks::original::*;
}
