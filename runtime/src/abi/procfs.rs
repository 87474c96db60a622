//! Files of /proc about a thread: the kernel does not know our tids.
//!
//! libc reads and writes another thread's name through /proc/self/task/TID/comm (pthread_setname_np, pthread_getname_np);
//! /proc/thread-self/comm is the caller's own.
//! For one of our threads the open gives a memory file with the name; what is written to it becomes the name when it is
//! closed. Everything else under task/TID of a virtual thread is not there (ENOENT).

use super::Step;
use crate::process;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::spin::Spin;
use crate::sys::{self, nr, user};

/// Memory files that are open: descriptor and tid; 0 is a free place.
static OPEN: Spin<[(i32, u32); 16]> = Spin::new([(0, 0); 16]);

/// The caller's own.
const OWN: &[u8] = b"/proc/thread-self/comm";
/// Longest path that can name such a file.
const PATH: usize = 64;

/// open(2), if it concerns us.
pub(crate) fn open(t: ThreadRef) -> Option<Step> {
    open_at(t, t.arg(0), t.arg(1) as i32)
}

/// openat(2), if it concerns us.
pub(crate) fn openat(t: ThreadRef) -> Option<Step> {
    open_at(t, t.arg(1), t.arg(2) as i32)
}

fn open_at(t: ThreadRef, path: usize, flags: i32) -> Option<Step> {
    const START: &[u8] = b"/proc/";
    let mut text = [0u8; PATH];
    let mut n = 0;
    while n < PATH {
        let c = user::get::<u8>(path + n).ok()?;
        // All other paths are dismissed at their first different byte.
        if n < START.len() && c != START[n] {
            return None;
        }
        if c == 0 {
            break;
        }
        text[n] = c;
        n += 1;
    }
    let tid = if text[..n] == *OWN { t.tid.get() } else { tid_of_comm(&text[..n])? };
    let name = tids::with(tid, |t| t.name.get())?;
    // SAFETY: calls on buffers of our own.
    unsafe {
        let fd = sys::syscall2(nr(libc::SYS_memfd_create), c"comm".as_ptr() as usize, libc::MFD_CLOEXEC as usize);
        if sys::is_err(fd) {
            return Some(Step::Done(fd));
        }
        let len = name.iter().position(|c| *c == 0).unwrap_or(15);
        let mut line = name;
        line[len] = b'\n';
        // For a writer it begins empty, so that what is in it in the end is what was written.
        if flags & libc::O_ACCMODE == libc::O_RDONLY {
            sys::syscall4(nr(libc::SYS_pwrite64), fd as usize, line.as_ptr() as usize, len + 1, 0);
        }
        if let Some(place) = OPEN.lock().iter_mut().find(|p| p.1 == 0) {
            *place = (fd as i32, tid);
        }
        Some(Step::Done(fd))
    }
}

/// The tid in "/proc/self/task/TID/comm", or with our pid for "self", if it is a virtual one.
fn tid_of_comm(path: &[u8]) -> Option<u32> {
    let rest = path.strip_prefix(b"/proc/")?;
    let slash = rest.iter().position(|c| *c == b'/')?;
    let (who, rest) = rest.split_at(slash);
    if who != b"self" && number(who)? != process::pid() as u32 {
        return None;
    }
    let tid = number(rest.strip_prefix(b"/task/")?.strip_suffix(b"/comm")?)?;
    tids::is_ours(tid).then_some(tid)
}

fn number(digits: &[u8]) -> Option<u32> {
    let value = |n: u32, c: &u8| n.checked_mul(10)?.checked_add((*c as char).to_digit(10)?);
    if digits.is_empty() { None } else { digits.iter().try_fold(0, value) }
}

/// A descriptor is about to be closed: if it is one of these, what was written to it becomes the name.
pub(crate) fn closing(fd: i32) {
    let mut open = OPEN.lock();
    let Some(place) = open.iter_mut().find(|p| p.1 != 0 && p.0 == fd) else { return };
    let tid = place.1;
    place.1 = 0;
    let mut name = [0u8; 16];
    // SAFETY: room for 15 bytes and a zero.
    let n = unsafe { sys::syscall4(nr(libc::SYS_pread64), fd as usize, name.as_mut_ptr() as usize, 15, 0) };
    if n <= 0 {
        return;
    }
    if let Some(end) = name.iter().position(|c| *c == b'\n' || *c == 0) {
        name[end..].fill(0);
    }
    tids::with(tid, |t| super::identity::rename(t, name));
}
