//! libc's own functions behind the hooks.
//!
//! Found by name with `dlsym(RTLD_NEXT)`: by the preloaded library all at once when it is loaded (10 us), because dlsym takes
//! the loader's lock and more stack than some programs give a context of their own: neither may happen in a signal handler,
//! nor on a stack of 2 KiB, where the function itself may be called. What a constructor calls before that, and what a
//! program calls that links the crate, is found at its first use. RTLD_NEXT is what comes after the object this code is in, so hooks of several objects stand in a row. A function
//! that this libc does not have (epoll_pwait2 before glibc 2.35) answers ENOSYS.

use core::ffi::{CStr, c_void};
use core::sync::atomic::{AtomicPtr, Ordering::*};

/// Where one function is.
pub(crate) struct Real {
    name: &'static CStr,
    at: AtomicPtr<c_void>,
}

impl Real {
    pub(crate) const fn new(name: &'static CStr) -> Real {
        Real { name, at: AtomicPtr::new(core::ptr::null_mut()) }
    }

    /// Its address.
    #[inline(always)]
    pub(crate) fn get(&self) -> *mut c_void {
        let p = self.at.load(Relaxed);
        if p.is_null() { self.find() } else { p }
    }

    #[cold]
    #[inline(never)]
    fn find(&self) -> *mut c_void {
        // SAFETY: the name is a C string.
        let mut p = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        if p.is_null() {
            p = missing as *mut c_void;
        }
        self.at.store(p, Relaxed);
        p
    }
}

/// In place of a function that libc does not have.
extern "C" fn missing() -> isize {
    crate::task::set_errno(libc::ENOSYS);
    -1
}

pub(crate) use super::table::real::*;
