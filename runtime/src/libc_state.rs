//! What glibc registered with the kernel for the first thread before the gate opened, and the engine must take back.

use crate::sys::{self, nr};

/// Gives up the restartable-sequence area of the calling thread (glibc 2.35 and later): the kernel would go on writing the
/// OS thread's CPU into the block of a virtual thread that has moved. glibc publishes where it is (`__rseq_offset` and
/// `__rseq_size`, sys/rseq.h).
pub(crate) fn unregister_rseq() {
    const RSEQ_FLAG_UNREGISTER: usize = 1;
    /// `RSEQ_SIG` (sysdeps/unix/sysv/linux/x86/bits/rseq.h).
    const SIGNATURE: usize = 0x5305_3053;
    /// `RSEQ_CPU_ID_REGISTRATION_FAILED`.
    const FAILED: i32 = -2;
    // SAFETY: the symbols, where they exist, are a ptrdiff_t and an unsigned int; the area lies at that offset from FS.
    unsafe {
        let offset = libc::dlsym(libc::RTLD_DEFAULT, c"__rseq_offset".as_ptr()).cast::<isize>();
        let size = libc::dlsym(libc::RTLD_DEFAULT, c"__rseq_size".as_ptr()).cast::<u32>();
        if offset.is_null() || size.is_null() || *size == 0 {
            return;
        }
        let area = (crate::arch::fs_base() as usize).wrapping_add_signed(*offset);
        // The registration was made with the size of the kernel's first version, whatever is published.
        for len in [32usize, *size as usize] {
            let r = sys::syscall4(nr(libc::SYS_rseq), area, len, RSEQ_FLAG_UNREGISTER, SIGNATURE);
            if !sys::is_err(r) {
                // cpu_id is the second word (struct rseq, include/uapi/linux/rseq.h).
                ((area + 4) as *mut i32).write_volatile(FAILED);
                return;
            }
        }
    }
}
