//! Why the gate could not be opened. A site that cannot be patched is not an error: see
//! [`Reason`](super::Reason).

use core::fmt;

use super::kernel::Errno;

/// Why an object could not be patched. Whatever had been changed in it has been put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// `/proc/self/maps` could not be read, so nothing is known about the address space.
    Maps(Errno),
    /// The process has no libc.so.6 or no ld-linux: a static program, or not glibc.
    NoLibc,
    /// The gate of this process is open already.
    AlreadyOpen,
    /// A whole region within 2 GiB of the object is in use (or `mmap` is refused), so no trampoline
    /// can be reached.
    NoNearMemory(Errno),
    /// New code is refused: `PR_SET_MDWE`, SELinux `execmem`, a seccomp filter on `mprotect`.
    NoNewCode(Errno),
    /// The text can be changed neither through `/proc/self/mem` nor by replacing its pages.
    TextNotWritable(Errno),
    /// The bytes in memory are not those that were scanned: something else patches this object.
    TextChanged {
        /// The first byte that differs.
        address: usize,
    },
    /// Some pages of the object are patched, others could not be, and it could not be undone. The
    /// patched sites lead to the entry for good, which must then make every call natively.
    HalfPatched(Errno),
    /// The object spans more than a 32-bit displacement can bridge.
    TooLarge,
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Maps(errno) => {
                let remedy = match errno.0 {
                    libc::EMFILE => "raise the limit of open files",
                    libc::ENFILE => "the system's table of open files is full",
                    _ => "mount /proc",
                };
                write!(out, "cannot read /proc/self/maps ({errno}); {remedy}")
            }
            Error::NoLibc => out.write_str("no glibc (libc.so.6 and ld-linux-x86-64.so.2) is mapped in this process"),
            Error::AlreadyOpen => out.write_str("the gate of this process is open already"),
            Error::NoNearMemory(errno) => {
                write!(out, "no free memory within 2 GiB of the code ({errno})")
            }
            Error::NoNewCode(errno) => {
                write!(out, "new code is refused ({errno}): PR_SET_MDWE, SELinux execmem or seccomp")
            }
            Error::TextNotWritable(errno) => {
                write!(out, "code can be changed neither through /proc/self/mem nor by mremap ({errno})")
            }
            Error::TextChanged { address } => write!(out, "code at {address:#x} is being changed by something else"),
            Error::HalfPatched(errno) => {
                write!(out, "patched in part, and it cannot be undone ({errno})")
            }
            Error::TooLarge => out.write_str("the object is larger than 2 GiB"),
        }
    }
}

impl std::error::Error for Error {}
