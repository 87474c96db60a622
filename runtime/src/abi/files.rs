//! Calls on files and terminals that wait in the kernel without being input or output: open(2), fsync(2), tcdrain(3).
//!
//! Opening a FIFO waits for its other end, draining a terminal for its line, fsync for the disk: by a helper.

use super::{Step, procfs};
use crate::sched::helper;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::{self, nr, user};
use core::mem::MaybeUninit;

/// ioctl(2): tcdrain, tcsendbreak, tcsetattr with TCSADRAIN or TCSAFLUSH wait for a terminal's output
/// (drivers/tty/tty_ioctl.c, include/uapi/asm-generic/ioctls.h).
pub(crate) fn terminal_ioctl(t: ThreadRef) -> Step {
    const TCSETSW: u32 = 0x5403;
    const TCSETSF: u32 = 0x5404;
    const TCSETAW: u32 = 0x5407;
    const TCSETAF: u32 = 0x5408;
    const TCSBRK: u32 = 0x5409;
    const TCSBRKP: u32 = 0x5425;
    const TCSETSW2: u32 = 0x402c_542c;
    const TCSETSF2: u32 = 0x402c_542d;
    match t.arg(1) as u32 {
        TCSETSW | TCSETSF | TCSETAW | TCSETAF | TCSBRK | TCSBRKP | TCSETSW2 | TCSETSF2 => by_helper(t),
        _ => Step::Native,
    }
}

/// fsync(2), fdatasync(2), sync(2), syncfs(2).
pub(crate) fn sync(t: ThreadRef) -> Step {
    by_helper(t)
}

fn by_helper(t: ThreadRef) -> Step {
    if t.woken().is_none() && tids::live() == 1 { Step::Native } else { helper::offload(t) }
}

/// open(2).
pub(crate) fn open(t: ThreadRef) -> Step {
    procfs::open(t).unwrap_or_else(|| open_at(t, libc::AT_FDCWD as usize, t.arg(0), t.arg(1) as i32))
}

/// openat(2).
pub(crate) fn openat(t: ThreadRef) -> Step {
    procfs::openat(t).unwrap_or_else(|| open_at(t, t.arg(0), t.arg(1), t.arg(2) as i32))
}

/// creat(2): open(2) for writing.
pub(crate) fn creat(t: ThreadRef) -> Step {
    open_at(t, libc::AT_FDCWD as usize, t.arg(0), libc::O_WRONLY)
}

/// openat2(2): the flags are the first field of its structure.
pub(crate) fn openat2(t: ThreadRef) -> Step {
    match user::get::<u64>(t.arg(2)) {
        Ok(flags) => open_at(t, t.arg(0), t.arg(1), flags as i32),
        Err(_) => Step::Native,
    }
}

/// Only FIFOs wait, for the other end, and only when opened for one direction without O_NONBLOCK (fifo(7)).
fn open_at(t: ThreadRef, dir: usize, path: usize, flags: i32) -> Step {
    if t.woken().is_some() {
        return helper::offload(t);
    }
    let never = libc::O_NONBLOCK | libc::O_DIRECTORY | libc::O_PATH | libc::O_EXCL;
    if flags & never != 0 || flags & libc::O_ACCMODE == libc::O_RDWR || tids::live() == 1 {
        return Step::Native;
    }
    let follow = if flags & libc::O_NOFOLLOW != 0 { libc::AT_SYMLINK_NOFOLLOW } else { 0 };
    let mut st = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the kernel checks the path, which is the program's, and fills the structure, which is its own.
    let is_fifo = unsafe {
        let r = sys::syscall4(nr(libc::SYS_newfstatat), dir, path, st.as_mut_ptr() as usize, follow as usize);
        !sys::is_err(r) && st.assume_init().st_mode & libc::S_IFMT == libc::S_IFIFO
    };
    if is_fifo { helper::offload(t) } else { Step::Native }
}
