//! The system calls that patching needs, with their errors as values.
//!
//! Raw: once the gate is open, libc's own functions may park their caller in the middle of a
//! change.
//!
//! Unsafe: system calls on memory. Each function says what it asks of its caller.

use core::ffi::CStr;

use crate::sys;

/// The size of a page on x86-64.
pub(super) const PAGE: usize = 4096;

/// An error number of the kernel (`errno(3)`), positive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub i32);

impl core::fmt::Display for Errno {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let name = match self.0 {
            libc::EPERM => "EPERM",
            libc::ENOENT => "ENOENT",
            libc::EIO => "EIO",
            libc::EAGAIN => "EAGAIN",
            libc::ENOMEM => "ENOMEM",
            libc::EACCES => "EACCES",
            libc::EFAULT => "EFAULT",
            libc::EEXIST => "EEXIST",
            libc::EINVAL => "EINVAL",
            libc::EMFILE => "EMFILE",
            libc::ENFILE => "ENFILE",
            libc::ENOSYS => "ENOSYS",
            number => return write!(out, "errno {number}"),
        };
        out.write_str(name)
    }
}

impl core::fmt::Debug for Errno {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, out)
    }
}

/// [`sys::syscall6`], with the answer split into value and error.
///
/// # Safety
/// As for [`sys::syscall6`].
#[inline]
unsafe fn call(nr: libc::c_long, args: [usize; 6]) -> Result<usize, Errno> {
    // SAFETY: the caller's promise, passed on.
    let answer = unsafe { sys::syscall6(nr as usize, args[0], args[1], args[2], args[3], args[4], args[5]) };
    if (-4095..0).contains(&answer) { Err(Errno(-answer as i32)) } else { Ok(answer as usize) }
}

/// open(2).
pub(super) fn open(path: &CStr, flags: i32) -> Result<usize, Errno> {
    let flags = (flags | libc::O_CLOEXEC) as usize;
    // SAFETY: the path is NUL-terminated; opening a file touches no memory of ours.
    unsafe { call(libc::SYS_open, [path.as_ptr() as usize, flags, 0, 0, 0, 0]) }
}

/// close(2) of a descriptor that [`open`] gave. No error of it matters to a file that was only read
/// or written at once.
pub(super) fn close(fd: usize) {
    // SAFETY: the descriptor is ours.
    let _ = unsafe { call(libc::SYS_close, [fd, 0, 0, 0, 0, 0]) };
}

/// read(2).
pub(super) fn read(fd: usize, into: &mut [u8]) -> Result<usize, Errno> {
    let arguments = [fd, into.as_mut_ptr() as usize, into.len(), 0, 0, 0];
    // SAFETY: `into` is borrowed exclusively.
    unsafe { call(libc::SYS_read, arguments) }
}

/// pwrite(2).
///
/// # Safety
/// Writing to that place of that file must be harmless; `/proc/self/mem` is memory.
pub(super) unsafe fn write_at(fd: usize, bytes: &[u8], at: usize) -> Result<usize, Errno> {
    // SAFETY: `bytes` is readable; the effect is the caller's.
    unsafe { call(libc::SYS_pwrite64, [fd, bytes.as_ptr() as usize, bytes.len(), at, 0, 0]) }
}

/// Fresh private memory, readable and writable; at `at` exactly, or anywhere when it is 0.
/// `EEXIST`: something is there already.
pub(super) fn map(at: usize, length: usize) -> Result<usize, Errno> {
    let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let fixed = if at == 0 { 0 } else { libc::MAP_FIXED_NOREPLACE };
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | fixed) as usize;
    // SAFETY: MAP_FIXED_NOREPLACE never replaces a mapping.
    let got = unsafe { call(libc::SYS_mmap, [at, length, access, flags, usize::MAX, 0])? };
    if at != 0 && got != at {
        // Before Linux 4.17 the flag is unknown and the address only a hint (mmap(2)).
        // SAFETY: the mapping was made just now.
        unsafe { unmap(got, length) };
        return Err(Errno(libc::EEXIST));
    }
    Ok(got)
}

/// munmap(2). It can fail only for want of memory to split a mapping, and then the memory stays.
///
/// # Safety
/// Nobody may use that memory any more.
pub(super) unsafe fn unmap(at: usize, length: usize) {
    // SAFETY: the caller's promise.
    let _ = unsafe { call(libc::SYS_munmap, [at, length, 0, 0, 0, 0]) };
}

/// mprotect(2): from now on the memory is code, and no longer writable.
///
/// # Safety
/// Nobody may write to that memory any more.
pub(super) unsafe fn make_code(at: usize, length: usize) -> Result<(), Errno> {
    let access = (libc::PROT_READ | libc::PROT_EXEC) as usize;
    // SAFETY: the caller's promise.
    unsafe { call(libc::SYS_mprotect, [at, length, access, 0, 0, 0]).map(|_| ()) }
}

/// mremap(2): moves the mapping at `from` to `to`, in place of what is there, in one step.
///
/// # Safety
/// What comes must be able to serve all who use what was there.
pub(super) unsafe fn replace(from: usize, to: usize, length: usize) -> Result<(), Errno> {
    let flags = (libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED) as usize;
    // SAFETY: the caller's promise.
    unsafe { call(libc::SYS_mremap, [from, length, length, flags, to, 0]).map(|_| ()) }
}

/// membarrier(2): when this returns, every thread of the process has passed a serialising
/// instruction, so none still runs instructions fetched earlier. Without it (before Linux 4.16, or
/// forbidden) that happens at the next interrupt, which every processor takes all the time.
pub(super) fn serialise_all_threads() {
    let commands =
        [libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE];
    for command in commands {
        // SAFETY: membarrier takes no pointers.
        let _ = unsafe { call(libc::SYS_membarrier, [command as usize, 0, 0, 0, 0, 0]) };
    }
}
