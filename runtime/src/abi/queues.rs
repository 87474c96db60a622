//! System V message queues and semaphores, POSIX message queues, the kernel's old asynchronous I/O.
//!
//! First without waiting; when that says that it would have to, by a helper with the program's own arguments. None of them
//! has a form that waits for readiness, but for POSIX queues, where readiness says nothing about priorities and others who
//! wait.

use super::{Step, err};
use crate::sched::helper;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::kernel::Timespec;
use crate::sys::{self, nr, user};
use core::mem::MaybeUninit;

const IPC_NOWAIT: usize = libc::IPC_NOWAIT as usize;

/// `try_it` gives the result of an attempt that does not wait; `busy`: the errno that means "it would wait".
fn first(t: ThreadRef, busy: i32, try_it: impl FnOnce() -> isize) -> Step {
    match try_it() {
        r if r == -busy as isize => helper::offload(t),
        r => Step::Done(r),
    }
}

/// Calls that are the kernel's as they are, and those that are the helper's from their second step.
fn early(t: ThreadRef, no_wait: bool) -> Option<Step> {
    if t.woken().is_some() {
        return Some(helper::offload(t));
    }
    (no_wait || tids::live() == 1).then_some(Step::Native)
}

/// msgsnd(2).
pub(crate) fn msgsnd(t: ThreadRef) -> Step {
    let flags = t.arg(3);
    if let Some(s) = early(t, flags & IPC_NOWAIT != 0) {
        return s;
    }
    first(t, libc::EAGAIN, || {
        // SAFETY: the program's call; the kernel checks its pointers.
        unsafe { sys::syscall4(nr(libc::SYS_msgsnd), t.arg(0), t.arg(1), t.arg(2), flags | IPC_NOWAIT) }
    })
}

/// msgrcv(2).
pub(crate) fn msgrcv(t: ThreadRef) -> Step {
    let flags = t.arg(4);
    if let Some(s) = early(t, flags & IPC_NOWAIT != 0) {
        return s;
    }
    first(t, libc::ENOMSG, || {
        // SAFETY: as above.
        unsafe { sys::syscall5(nr(libc::SYS_msgrcv), t.arg(0), t.arg(1), t.arg(2), t.arg(3), flags | IPC_NOWAIT) }
    })
}

/// `struct sembuf`.
#[repr(C)]
#[derive(Clone, Copy)]
struct SemBuf {
    number: u16,
    op: i16,
    flags: i16,
}

/// More operations than this in one call go to the helper at once (SEMOPM is 500; programs use one or two).
const OPERATIONS: usize = 64;

/// semop(2).
pub(crate) fn semop(t: ThreadRef) -> Step {
    sem(t, 0)
}

/// semtimedop(2).
pub(crate) fn semtimedop(t: ThreadRef) -> Step {
    sem(t, t.arg(3))
}

fn sem(t: ThreadRef, timeout: usize) -> Step {
    if let Some(s) = early(t, false) {
        return s;
    }
    let (at, n) = (t.arg(1), t.arg(2) as u32 as usize);
    if n == 0 || n > OPERATIONS {
        return helper::offload(t);
    }
    let mut ops = [const { MaybeUninit::<SemBuf>::uninit() }; OPERATIONS];
    // SAFETY: room for `n`; any bytes are operations.
    let ops = unsafe {
        if let Err(f) = user::copy_in(ops.as_mut_ptr().cast(), at, n * size_of::<SemBuf>()) {
            return f.into();
        }
        core::slice::from_raw_parts_mut(ops.as_mut_ptr().cast::<SemBuf>(), n)
    };
    ops.iter_mut().for_each(|o| o.flags |= libc::IPC_NOWAIT as i16);
    first(t, libc::EAGAIN, || {
        // SAFETY: operations of ours; the kernel checks the timeout, which is the program's.
        unsafe { sys::syscall4(nr(libc::SYS_semtimedop), t.arg(0), ops.as_ptr() as usize, n, timeout) }
    })
}

/// mq_timedsend(2).
pub(crate) fn mq_timedsend(t: ThreadRef) -> Step {
    mq(t, libc::SYS_mq_timedsend)
}

/// mq_timedreceive(2).
pub(crate) fn mq_timedreceive(t: ThreadRef) -> Step {
    mq(t, libc::SYS_mq_timedreceive)
}

/// With a deadline that has passed the kernel does not wait and says ETIMEDOUT; but a wrong one it refuses in any case
/// (ipc/mqueue.c, prepare_timeout).
fn mq(t: ThreadRef, call: libc::c_long) -> Step {
    if let Some(s) = early(t, false) {
        return s;
    }
    let deadline = t.arg(4);
    if deadline != 0 {
        match user::get::<Timespec>(deadline).map(Timespec::nanos) {
            Ok(Some(_)) => {}
            Ok(None) => return err(libc::EINVAL),
            Err(f) => return f.into(),
        }
    }
    let past = Timespec::default();
    first(t, libc::ETIMEDOUT, || {
        // SAFETY: the program's call; the kernel checks its pointers.
        unsafe { sys::syscall5(nr(call), t.arg(0), t.arg(1), t.arg(2), t.arg(3), &raw const past as usize) }
    })
}

/// io_getevents(2), io_pgetevents(2). One that changes the signal mask meanwhile is the kernel's: the mask is the thread's.
pub(crate) fn io_getevents(t: ThreadRef) -> Step {
    const IO_PGETEVENTS: u64 = 333;
    let with_mask = t.regs().rax == IO_PGETEVENTS && t.arg(5) != 0;
    if let Some(s) = early(t, with_mask || t.arg(1) as isize <= 0) {
        return s;
    }
    helper::offload(t)
}
