//! Whether a futex word lies in memory that another process may share.
//!
//! Calls without FUTEX_PRIVATE_FLAG are of two sorts: pthread_join and its like, which wait for a word in a thread's own
//! stack, and objects that are shared between processes. Only the second need the kernel's futexes. Which one it is, is in
//! /proc/self/maps, or, without /proc or a descriptor for it, what mremap says; the last answers are kept until a mapping changes.

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
    let r = match look_up(addr) {
        Ok(Some(r)) => r,
        Ok(None) => return false,
        Err(_) => match ask_mremap(addr) {
            Some(r) => r,
            None => return false,
        },
    };
    let i = c.next % CACHED;
    c.ranges[i] = r;
    c.next += 1;
    r.shared
}

/// The line of /proc/self/maps that holds `addr`: `start-end perms ...`, of which the fourth permission is `s` or `p`
/// (proc_pid_maps(5)). An error: it cannot be read.
fn look_up(addr: usize) -> Result<Option<Range>, i32> {
    // SAFETY: raw calls on a path and a buffer of our own.
    let fd = unsafe {
        let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
        sys::syscall3(nr(libc::SYS_open), c"/proc/self/maps".as_ptr() as usize, flags, 0)
    };
    if sys::is_err(fd) {
        return Err(-fd as i32);
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
    Ok(found)
}

/// mremap(2) of no bytes makes a second mapping of a shared page and refuses a private one (EINVAL, mm/mremap.c).
fn ask_mremap(addr: usize) -> Option<Range> {
    let start = addr & !0xfff;
    // SAFETY: the old mapping stays as it is; the second one is taken away again.
    let r = unsafe {
        let r = sys::syscall4(nr(libc::SYS_mremap), start, 0, 0x1000, libc::MREMAP_MAYMOVE as usize);
        if !sys::is_err(r) {
            sys::syscall2(nr(libc::SYS_munmap), r as usize, 0x1000);
        }
        r
    };
    (!sys::is_err(r) || r == -libc::EINVAL as isize).then_some(Range {
        start,
        end: start + 0x1000,
        shared: !sys::is_err(r),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_ask_agree() {
        let flags = [(libc::MAP_SHARED, true), (libc::MAP_PRIVATE, false)];
        for (flag, shared) in flags {
            let (access, flag) = (libc::PROT_READ | libc::PROT_WRITE, flag | libc::MAP_ANONYMOUS);
            // SAFETY: a fresh mapping.
            let p = unsafe { libc::mmap(core::ptr::null_mut(), 8192, access, flag, -1, 0) } as usize;
            let word = p + 4096 + 8;
            assert_eq!(look_up(word).expect("/proc").map(|r| r.shared), Some(shared));
            let asked = ask_mremap(word).expect("an answer");
            assert_eq!((asked.start, asked.end, asked.shared), (p + 4096, p + 8192, shared));
            // SAFETY: the mapping of above.
            unsafe { libc::munmap(p as *mut libc::c_void, 8192) };
        }
    }
}
