//! Whether a futex word lies in memory that another process may share.
//!
//! Calls without FUTEX_PRIVATE_FLAG are of two sorts: pthread_join and its like, which wait for a word in a thread's own
//! stack, and objects that are shared between processes. Only the second need the kernel's futexes. Which one it is, is in
//! /proc/self/maps; the last answers are kept until a mapping changes.

use super::stacks;
use crate::sys::spin::Spin;
use crate::sys::{self, nr};

#[derive(Clone, Copy)]
struct Range {
    start: usize,
    end: usize,
    shared: bool,
}

struct Cache {
    ranges: [Range; CACHED],
    next: usize,
}

const CACHED: usize = 16;
const NONE: Range = Range { start: 0, end: 0, shared: false };
static CACHE: Spin<Cache> = Spin::new(Cache { ranges: [NONE; CACHED], next: 0 });

/// A mapping was made over others, moved or taken away: what is known may be wrong.
pub(crate) fn mappings_changed() {
    CACHE.lock().ranges = [NONE; CACHED];
}

/// Whether the word at `addr` may be another process's, too. Memory that is not mapped is not.
pub(crate) fn is_shared(addr: usize) -> bool {
    if stacks::owns(addr) {
        return false;
    }
    let mut c = CACHE.lock();
    if let Some(r) = c.ranges.iter().find(|r| (r.start..r.end).contains(&addr)) {
        return r.shared;
    }
    let Some(r) = look_up(addr) else { return false };
    let i = c.next % CACHED;
    c.ranges[i] = r;
    c.next += 1;
    r.shared
}

/// The line of /proc/self/maps that holds `addr`: `start-end perms ...`, of which the fourth permission is `s` or `p`
/// (proc_pid_maps(5)).
fn look_up(addr: usize) -> Option<Range> {
    // SAFETY: raw calls on a path and a buffer of our own.
    let fd = unsafe {
        let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
        sys::syscall3(nr(libc::SYS_open), c"/proc/self/maps".as_ptr() as usize, flags, 0)
    };
    if sys::is_err(fd) {
        return None;
    }
    let mut found = None;
    let mut line = Line::default();
    let mut buffer = [0u8; 2048];
    'file: loop {
        // SAFETY: as above.
        let n = unsafe { sys::syscall3(nr(libc::SYS_read), fd as usize, buffer.as_mut_ptr() as usize, buffer.len()) };
        if n <= 0 {
            break;
        }
        for c in &buffer[..n as usize] {
            if let Some(r) = line.take(*c)
                && (r.start..r.end).contains(&addr)
            {
                found = Some(r);
                break 'file;
            }
        }
    }
    // SAFETY: our own descriptor.
    unsafe { sys::syscall1(nr(libc::SYS_close), fd as usize) };
    found
}

/// Reads one line after the other, byte by byte.
#[derive(Default)]
struct Line {
    /// 0: start, 1: end, 2 to 5: permissions, 6: the rest.
    field: u8,
    start: usize,
    end: usize,
}

impl Line {
    /// A range, when its last permission has been seen.
    fn take(&mut self, c: u8) -> Option<Range> {
        let hex = (c as char).to_digit(16).unwrap_or(0) as usize;
        match (self.field, c) {
            (_, b'\n') => *self = Line::default(),
            (0, b'-') => self.field = 1,
            (0, _) => self.start = self.start << 4 | hex,
            (1, b' ') => self.field = 2,
            (1, _) => self.end = self.end << 4 | hex,
            (2..=4, _) => self.field += 1,
            (5, _) => {
                self.field = 6;
                return Some(Range { start: self.start, end: self.end, shared: c == b's' });
            }
            _ => {}
        }
        None
    }
}

/// For the child of a fork.
///
/// # Safety
/// No other thread exists.
pub(crate) unsafe fn after_fork() {
    // SAFETY: by contract.
    unsafe { CACHE.reset() };
}
