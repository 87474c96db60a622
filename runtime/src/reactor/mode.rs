//! How calls on a descriptor wait: O_NONBLOCK, packets, timeouts; and whether its open file can be anybody else's, too.
//!
//! The kernel is asked when a call is about to wait for the first time, and the answer is kept until something may have
//! changed it: the program's own fcntl, ioctl and setsockopt come by here. A descriptor that was made here and never
//! duplicated, sent or inherited (*private*) is changed only under its own number; a change under any other number may
//! concern all that are not private, so it makes all their answers stale. What another process does to a shared open file
//! is seen only when the kernel is asked again for one of these reasons.

use super::fd::{Fd, Kind};
use crate::sys::{self, nr};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};

/// The answer is there.
const KNOWN: u32 = 1;
/// O_NONBLOCK.
pub(crate) const NONBLOCK: u32 = 2;
/// O_DIRECT: a pipe in packet mode.
pub(crate) const PACKETS: u32 = 4;
/// SO_RCVTIMEO, SO_SNDTIMEO: not zero.
pub(crate) const RECEIVE_TIMEOUT: u32 = 8;
/// See above.
pub(crate) const SEND_TIMEOUT: u32 = 16;
/// SO_RCVLOWAT: more than one byte.
pub(crate) const LOW_WATER: u32 = 32;
/// What an accepted socket has of its listener's.
const INHERITED: u32 = RECEIVE_TIMEOUT | SEND_TIMEOUT | LOW_WATER;
/// RWF_NOWAIT is not to be had, for reading and for writing.
pub(crate) const NO_NOWAIT_IN: u32 = 64;
/// See above.
pub(crate) const NO_NOWAIT_OUT: u32 = 128;
/// Made before the gate was open: its socket options may have been set then.
const BEFORE: u32 = 256;
/// What holds as long as the number is this open file.
const LASTING: u32 = NO_NOWAIT_IN | NO_NOWAIT_OUT | BEFORE;

/// Counts changes that may concern any descriptor that is not private.
static CHANGES: AtomicU32 = AtomicU32::new(0);
/// Counts the occasions at which open files came into other hands: forks, SCM_RIGHTS.
static SHARINGS: AtomicU32 = AtomicU32::new(1);
/// The program has set a timeout or a low-water mark since the gate opened.
static SOCKET_OPTIONS_USED: AtomicBool = AtomicBool::new(false);

/// Part of a descriptor's entry. All-zero: nothing is known.
pub(super) struct Mode {
    bits: AtomicU32,
    changes: AtomicU32,
    /// `SHARINGS` when it was made here; 0: it was not, or it has been duplicated.
    made: AtomicU32,
}

impl Mode {
    pub(super) fn forget(&self) {
        self.bits.store(0, SeqCst);
        self.made.store(0, SeqCst);
    }
}

/// All open files may be another process's from now on.
pub(crate) fn all_shared() {
    SHARINGS.fetch_add(1, SeqCst);
}

impl Fd {
    /// The mode, if it is known without asking.
    #[inline(always)]
    pub(crate) fn known_mode(&self) -> Option<u32> {
        let bits = self.mode.bits.load(Relaxed);
        let fresh = self.mode.changes.load(Relaxed) == CHANGES.load(Relaxed) || self.is_private();
        (bits & KNOWN != 0 && fresh).then_some(bits)
    }

    /// The mode; asks the kernel if need be.
    pub(crate) fn mode(&self, fd: i32) -> u32 {
        self.known_mode().unwrap_or_else(|| self.ask_mode(fd))
    }

    fn ask_mode(&self, fd: i32) -> u32 {
        let changes = CHANGES.load(SeqCst);
        // SAFETY: no pointers.
        let flags = unsafe { sys::syscall2(nr(libc::SYS_fcntl), fd as usize, libc::F_GETFL as usize) };
        if sys::is_err(flags) {
            return 0;
        }
        let mut bits = KNOWN | self.mode.bits.load(Relaxed) & LASTING;
        let flags = flags as i32;
        if flags & libc::O_NONBLOCK != 0 {
            bits |= NONBLOCK;
        }
        let socket = matches!(self.kind(fd), Some(k) if k.is_socket());
        if !socket && flags & libc::O_DIRECT != 0 {
            bits |= PACKETS;
        }
        if socket && (!self.is_private() || bits & BEFORE != 0 || SOCKET_OPTIONS_USED.load(Relaxed)) {
            bits |= ask_socket(fd);
        }
        self.mode.changes.store(changes, Relaxed);
        self.mode.bits.store(bits, SeqCst);
        bits
    }

    /// RWF_NOWAIT turned out not to be had.
    pub(crate) fn without_nowait(&self, which: u32) {
        self.mode.bits.fetch_or(which, SeqCst);
    }

    /// The bits that last, known or not.
    #[inline(always)]
    pub(crate) fn lacks_nowait(&self, which: u32) -> bool {
        self.mode.bits.load(Relaxed) & which != 0
    }

    /// The program changed flags of the open file.
    pub(crate) fn flags_changed(&self) {
        if !self.is_private() {
            CHANGES.fetch_add(1, SeqCst);
        }
        self.mode.bits.fetch_and(!KNOWN, SeqCst);
    }

    /// The program changed a timeout or the low-water mark of the socket.
    pub(crate) fn socket_option_changed(&self) {
        SOCKET_OPTIONS_USED.store(true, SeqCst);
        self.flags_changed();
    }

    /// A descriptor that this process has just made.
    pub(crate) fn made_here(&self, kind: Kind, nonblocking: bool, listener: Option<u32>) {
        self.set_kind(kind);
        self.mode.made.store(SHARINGS.load(SeqCst), SeqCst);
        self.mode.changes.store(CHANGES.load(SeqCst), Relaxed);
        let flag = if nonblocking { NONBLOCK } else { 0 };
        self.mode.bits.store(KNOWN | flag | listener.unwrap_or(0) & INHERITED, SeqCst);
    }

    /// One that this process had made before the gate was open.
    pub(super) fn made_before(&self) {
        self.mode.made.store(SHARINGS.load(SeqCst), SeqCst);
        self.mode.bits.store(BEFORE, SeqCst);
    }

    /// The open file has a second descriptor from now on.
    pub(crate) fn duplicated(&self) {
        self.mode.made.store(0, SeqCst);
    }

    /// Made here, never duplicated, and no process was made since.
    #[inline(always)]
    pub(crate) fn is_private(&self) -> bool {
        self.mode.made.load(Relaxed) == SHARINGS.load(Relaxed)
    }
}

fn ask_socket(fd: i32) -> u32 {
    let mut bits = 0;
    if timeout(fd, libc::SO_RCVTIMEO).is_some() {
        bits |= RECEIVE_TIMEOUT;
    }
    if timeout(fd, libc::SO_SNDTIMEO).is_some() {
        bits |= SEND_TIMEOUT;
    }
    if super::fd::socket_option(fd, libc::SO_RCVLOWAT).is_some_and(|n| n > 1) {
        bits |= LOW_WATER;
    }
    bits
}

/// SO_RCVTIMEO or SO_SNDTIMEO in nanoseconds; `None`: none is set.
pub(crate) fn timeout(fd: i32, option: i32) -> Option<u64> {
    let (mut tv, mut len) = ([0u64; 2], 16u32);
    let (at, len_at) = (&raw mut tv as usize, &raw mut len as usize);
    // SAFETY: getsockopt writes a timeval of 16 bytes and the length.
    let r = unsafe {
        sys::syscall5(nr(libc::SYS_getsockopt), fd as usize, libc::SOL_SOCKET as usize, option as usize, at, len_at)
    };
    let ns = tv[0].saturating_mul(1_000_000_000).saturating_add(tv[1] * 1000);
    (!sys::is_err(r) && ns != 0).then_some(ns)
}
