//! The nodes of a wait on several descriptors.

use super::fd::{Armed, FdWait, disarm, watch};
use crate::sched::waiter::Waiter;
use crate::sys::{self, nr};
use core::cell::Cell;

/// Nodes for a wait on several descriptors: made when first needed, kept until the thread ends.
pub(crate) struct FdWaits {
    first: Cell<*mut FdWait>,
    room: Cell<u32>,
    used: Cell<u32>,
}

impl FdWaits {
    /// Room for `n` nodes. ENOMEM when the kernel gives no memory.
    pub(crate) fn reserve(&self, n: usize) -> Result<(), i32> {
        if n <= self.room.get() as usize {
            return Ok(());
        }
        self.release();
        let bytes = (n * size_of::<FdWait>()).next_power_of_two().max(4096);
        self.first.set(sys::map(bytes)?.cast());
        self.room.set((bytes / size_of::<FdWait>()) as u32);
        Ok(())
    }

    /// Gives the memory back; nothing is armed.
    pub(crate) fn release(&self) {
        let p = self.first.replace(core::ptr::null_mut());
        if !p.is_null() {
            let bytes = (self.room.replace(0) as usize * size_of::<FdWait>()).next_power_of_two().max(4096);
            // SAFETY: mapped in `reserve` with this size (the room was rounded down from it).
            unsafe { sys::syscall2(nr(libc::SYS_munmap), p as usize, bytes) };
        }
        self.used.set(0);
    }

    /// [`watch`]es one more descriptor.
    pub(crate) fn watch(&self, fd: i32, events: u32, w: &Waiter, seq: u64) -> Armed {
        let i = self.used.get();
        if i >= self.room.get() {
            return Armed::Unpollable(libc::ENOMEM);
        }
        // SAFETY: `i` is within the room, which is zeroed or holds old nodes; both are valid nodes.
        let node = unsafe { &*self.first.get().add(i as usize) };
        let a = watch(node, fd, events, w, seq);
        if a == Armed::Waiting {
            self.used.set(i + 1);
        }
        a
    }

    /// Takes all nodes out.
    pub(crate) fn disarm(&self) {
        for i in 0..self.used.replace(0) {
            // SAFETY: armed above.
            disarm(unsafe { &*self.first.get().add(i as usize) });
        }
    }
}
