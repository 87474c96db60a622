//! recvmmsg(2) and sendmmsg(2): several messages a call. `call.done` counts messages.

use super::message::{Header, note_descriptors};
use super::{Tried, Wait, file, sent, until_ready};
use crate::abi::{Step, after, err};
use crate::sched::thread::ThreadRef;
use crate::sys::kernel::Timespec;
use crate::sys::user;
use crate::sys::{self, nr};

/// `struct mmsghdr`.
const ENTRY: usize = 64;
/// Where `msg_len` lies in it.
const LENGTH: usize = 56;
/// `UIO_MAXIOV`: the most messages a call sends or receives (net/socket.c).
const MOST: usize = 1024;

/// recvmmsg(2). The timeout is looked at only after a message has come, as the kernel does (recvmmsg(2), BUGS).
pub(crate) fn recvmmsg(t: ThreadRef) -> Step {
    let (at, count, flags, timeout) = (t.arg(1), t.arg(2) as u32 as usize, t.arg(3) as i32, t.arg(4));
    if flags & (libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE | libc::MSG_OOB) != 0 || count == 0 {
        return Step::Native;
    }
    let Some(f) = file(t) else {
        return Step::Native;
    };
    if t.woken().is_none() && timeout != 0 {
        match user::get::<Timespec>(timeout).map(Timespec::nanos) {
            Ok(Some(ns)) => t.call.word.set(after(ns)),
            Ok(None) => return err(libc::EINVAL),
            Err(fault) => return fault.into(),
        }
    }
    let count = count.min(MOST);
    let one_is_enough = flags & libc::MSG_WAITFORONE != 0;
    let step = until_ready(t, f, &Wait { may_skip: true, ..Wait::to_read() }, || {
        loop {
            let done = t.call.done.get() as usize;
            let now = (flags & !libc::MSG_WAITFORONE | libc::MSG_DONTWAIT) as usize;
            // SAFETY: the call the program made, for the messages that are left, without waiting.
            let r = unsafe {
                sys::syscall5(nr(libc::SYS_recvmmsg), f.fd as usize, at + done * ENTRY, count - done, now, 0)
            };
            if r <= 0 {
                return Tried::Done(r);
            }
            let sum = done + r as usize;
            t.call.done.set(sum as u64);
            let late = timeout != 0 && sys::monotonic() >= t.call.word.get();
            if sum >= count || one_is_enough || late {
                return Tried::Done(sum as isize);
            }
        }
    });
    if timeout != 0 && matches!(step, Step::Done(n) if n > 0) {
        let left = t.call.word.get().saturating_sub(sys::monotonic());
        if let Err(fault) = user::put(timeout, &Timespec::from_nanos(left)) {
            return fault.into();
        }
    }
    step
}

/// sendmmsg(2). On a stream a message that is sent in part is gone on with before the next.
pub(crate) fn sendmmsg(t: ThreadRef) -> Step {
    let (at, count, flags) = (t.arg(1), t.arg(2) as u32 as usize, t.arg(3) as i32);
    let Some(f) = file(t) else {
        return Step::Native;
    };
    let count = count.min(MOST);
    if t.woken().is_none() {
        for i in 0..count {
            if let Ok(h) = user::get::<Header>(at + i * ENTRY) {
                note_descriptors(&h);
            }
        }
    }
    let wait = Wait { never: flags & libc::MSG_DONTWAIT != 0, ..Wait::to_write() };
    let now = flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    until_ready(t, f, &wait, || {
        loop {
            let done = t.call.done.get() as usize;
            let r = if f.kind.is_stream() {
                match send_one(t, f.fd, at + done * ENTRY, now) {
                    Ok(()) => 1,
                    Err(e) => e,
                }
            } else {
                // SAFETY: the call the program made, for the messages that are left, without waiting.
                unsafe {
                    sys::syscall4(nr(libc::SYS_sendmmsg), f.fd as usize, at + done * ENTRY, count - done, now as usize)
                }
            };
            if r <= 0 {
                return Tried::Done(sent(t, r, flags));
            }
            t.call.done.set((done + r as usize) as u64);
            if done + r as usize >= count {
                return Tried::Done((done + r as usize) as isize);
            }
        }
    })
}

/// Sends what is left of one message on a stream; `call.word` counts its bytes so far.
fn send_one(t: ThreadRef, fd: i32, at: usize, flags: i32) -> Result<(), isize> {
    use super::memory::{Memory, Window};
    let fault = -libc::EFAULT as isize;
    let header = user::get::<Header>(at).map_err(|_| fault)?;
    let memory = Memory::Many(header.iov, header.iov_len);
    let total = memory.total().ok_or(-libc::EMSGSIZE as isize)?;
    loop {
        let done = t.call.word.get() as usize;
        let mut window = Window::new();
        let (iov, iov_len) = memory.rest(done, usize::MAX, &mut window);
        let rest = Header { iov, iov_len, ..if done == 0 { header } else { Header::default() } };
        // SAFETY: the program's buffers; the header is ours.
        let r = unsafe { sys::syscall3(nr(libc::SYS_sendmsg), fd as usize, &raw const rest as usize, flags as usize) };
        if r < 0 {
            return Err(r);
        }
        let sum = done + r as usize;
        t.call.word.set(sum as u64);
        if sum >= total || r == 0 {
            t.call.word.set(0);
            return user::put(at + LENGTH, &(sum as u32)).map_err(|_| fault);
        }
    }
}
