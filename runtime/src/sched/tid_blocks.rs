//! Blocks of thread ids that no other process hands out.
//!
//! A program may see the ids of another process's threads: the owner of a robust mutex in shared memory is a tid. So the
//! ids of all processes under patchall differ, as the kernel's do. They take them in blocks from a register that needs no
//! server, no file and no rights: a block is claimed by binding an abstract UNIX socket that is named after it (unix(7)),
//! and is free again when the kernel closes that, at the latest when the process ends. The register is the network
//! namespace's; where two namespaces share a pid namespace, or sockets are refused, the block follows from the pid alone:
//! then ids of two processes may be the same, as those of two pid namespaces are.

use crate::process;
use crate::reactor;
use crate::sys::{self, nr};
use core::ops::Range;

/// The ids lie above the kernel's largest pid (PID_MAX_LIMIT, 2^22) and below 2^28 (a CPU clock's id holds `~tid << 3`).
pub(crate) const ALL: Range<u32> = 1 << 22..1 << 28;

/// Blocks of one size, end to end.
struct Kind {
    first: u32,
    size: u32,
    count: u32,
}

/// What a process takes first.
const SMALL: Kind =
    Kind { first: (1 << 22) + (1 << 14), size: 1 << 14, count: ((1 << 27) - (1 << 22)) / (1 << 14) - 1 };
/// What it takes when that is not enough: each block costs a descriptor.
const LARGE: Kind = Kind { first: 1 << 27, size: 1 << 20, count: (1 << 27) / (1 << 20) };

/// Blocks that are tried before one is used unclaimed.
const TRIES: u32 = 1024;

/// Claims a block for the process, its first or a further one.
pub(crate) fn claim(first: bool) -> Range<u32> {
    let kind = if first { SMALL } else { LARGE };
    // Neighbouring pids begin far apart, so that they seldom try for the same (Fibonacci hashing).
    let start = (process::pid() as u32).wrapping_mul(0x9E37_79B1) % kind.count;
    let block = |k| {
        let at = kind.first + (start + k) % kind.count * kind.size;
        at..at + kind.size
    };
    for k in 0..TRIES.min(kind.count) {
        match bind(block(k).start) {
            Err(libc::EADDRINUSE) => {}
            _ => return block(k),
        }
    }
    block(0)
}

/// Makes the socket of a block.
fn bind(first: u32) -> Result<(), i32> {
    const PREFIX: &[u8] = b"\0patchall-tids-";
    let mut address = [0u8; 2 + PREFIX.len() + 8];
    address[..2].copy_from_slice(&(libc::AF_UNIX as u16).to_ne_bytes());
    address[2..2 + PREFIX.len()].copy_from_slice(PREFIX);
    for (k, digit) in address[2 + PREFIX.len()..].iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(first >> (28 - 4 * k) & 15) as usize];
    }
    let kind = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC) as usize;
    // SAFETY: the kernel copies the address; the descriptor is ours.
    unsafe {
        let fd = sys::syscall3(nr(libc::SYS_socket), libc::AF_UNIX as usize, kind, 0);
        if sys::is_err(fd) {
            return Err(-fd as i32);
        }
        let r = sys::syscall3(nr(libc::SYS_bind), fd as usize, address.as_ptr() as usize, address.len());
        if sys::is_err(r) {
            sys::syscall1(nr(libc::SYS_close), fd as usize);
            return Err(-r as i32);
        }
        reactor::take_own(fd).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_block_is_not_given_again() {
        let blocks: Vec<_> = [true, true, false, false].into_iter().map(claim).collect();
        for (i, a) in blocks.iter().enumerate() {
            assert!(a.start > ALL.start && a.end <= ALL.end, "{a:?}");
            for b in &blocks[..i] {
                assert!(a.end <= b.start || b.end <= a.start, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn the_two_sizes_share_no_id() {
        const { assert!(SMALL.first + SMALL.size * SMALL.count <= LARGE.first) };
        assert_eq!(LARGE.first + LARGE.size * LARGE.count, ALL.end);
    }
}
