//! What a call reads from or writes to: one buffer, or a vector of them; and what is left of it.
//!
//! A first try gets the program's own vector. For what is left after a part of it, a few entries are copied into a window
//! on the hub's stack: the rest of a long vector needs several tries.

use crate::sys::kernel::IoVec;
use crate::sys::user;

/// The most one call transfers (`MAX_RW_COUNT`, include/linux/fs.h); what is beyond is left out without a word.
pub(super) const MOST: usize = 0x7fff_f000;
/// `UIO_MAXIOV`.
pub(super) const MOST_ENTRIES: usize = 1024;
/// Entries in a window.
const WINDOW: usize = 16;

/// Memory of a call.
#[derive(Clone, Copy)]
pub(super) enum Memory {
    /// Address and length.
    One(usize, usize),
    /// Address and number of `struct iovec`.
    Many(usize, usize),
}

/// Entries on the hub's stack.
pub(super) struct Window([IoVec; WINDOW]);

impl Window {
    pub(super) const fn new() -> Window {
        Window([const { IoVec { base: 0, len: 0 } }; WINDOW])
    }
}

impl Memory {
    /// Bytes in all. `None`: the kernel shall say what is wrong with it.
    #[inline]
    pub(super) fn total(self) -> Option<usize> {
        match self {
            Memory::One(_, len) => Some(len.min(MOST)),
            Memory::Many(_, count) if count > MOST_ENTRIES => None,
            Memory::Many(at, count) => {
                let mut sum = 0usize;
                for i in 0..count {
                    let v = user::get::<IoVec>(at + i * size_of::<IoVec>()).ok()?;
                    if v.len > isize::MAX as usize {
                        return None;
                    }
                    sum = sum.saturating_add(v.len).min(MOST);
                }
                Some(sum)
            }
        }
    }

    /// Address and number of entries for what is left after `done` bytes, at most `most` of them.
    #[inline]
    pub(super) fn rest(self, done: usize, most: usize, window: &mut Window) -> (usize, usize) {
        let w = &mut window.0;
        let at = w.as_ptr() as usize;
        match self {
            Memory::One(base, len) => {
                w[0] = IoVec { base: base + done, len: (len.min(MOST) - done).min(most) };
                (at, 1)
            }
            Memory::Many(vector, count) if done == 0 && most >= MOST => (vector, count),
            Memory::Many(vector, count) => {
                let (mut skip, mut left, mut n) = (done, most.min(MOST - done), 0);
                for i in 0..count {
                    // It was readable a moment ago; the kernel will say EFAULT about an entry that it cannot read.
                    let Ok(v) = user::get::<IoVec>(vector + i * size_of::<IoVec>()) else {
                        break;
                    };
                    if skip >= v.len {
                        skip -= v.len;
                        continue;
                    }
                    let len = (v.len - skip).min(left);
                    w[n] = IoVec { base: v.base + skip, len };
                    skip = 0;
                    left -= len;
                    n += 1;
                    if n == WINDOW || left == 0 {
                        break;
                    }
                }
                (at, n)
            }
        }
    }
}
