//! connect(2), socket(2), socketpair(2).
//!
//! There is no connect that does not wait but with O_NONBLOCK. A socket that was made here and that nobody else has gets
//! the flag for the moment of the call; for others a helper makes the call. Whether it is connected is then asked by the same call: it gives EALREADY until it
//! is done, and 0 or the error once (net/ipv4/af_inet.c, __inet_stream_connect).

use super::{AGAIN, File, OUT, Tried, Wait, file, until_ready};
use crate::abi::Step;
use crate::reactor::mode::NONBLOCK;
use crate::reactor::{self, Kind};
use crate::sched::helper;
use crate::sched::state::Wake;
use crate::sched::thread::ThreadRef;
use crate::sys::user;
use crate::sys::{self, nr};

/// `call.word`: the connection is being made.
const UNDER_WAY: u64 = 1;

/// connect(2).
pub(crate) fn connect(t: ThreadRef) -> Step {
    if helper::has(t) {
        return helper::offload(t);
    }
    let Some(f) = file(t) else {
        return Step::Native;
    };
    // A datagram socket only notes the address; an own O_NONBLOCK is the program's.
    if matches!(f.kind, Kind::Socket | Kind::Pipe | Kind::Other) {
        return Step::Native;
    }
    if f.entry.mode(f.fd) & NONBLOCK != 0 {
        return Step::Native;
    }
    if !f.entry.is_private() {
        return helper::offload_now(t);
    }
    let wait = Wait { timed_out: libc::EINPROGRESS, ..Wait::to_write() };
    let mut full = false;
    let step = until_ready(t, f, &wait, || {
        // What was ready before the connection began says nothing.
        f.entry.about_to_try(OUT);
        let r = without_waiting(t, f);
        match -r as i32 {
            libc::EINPROGRESS | libc::EALREADY => {
                t.call.word.set(UNDER_WAY);
                Tried::Done(AGAIN)
            }
            libc::EAGAIN => {
                full = true;
                Tried::Done(0)
            }
            // A restart after a signal finds the connection made.
            libc::EISCONN if t.call.word.get() == UNDER_WAY || t.woken() == Some(Wake::Retry) => Tried::Done(0),
            _ => Tried::Done(r),
        }
    });
    // The backlog of a UNIX listener is full: nothing tells when it has room (unix_stream_connect).
    if full { helper::offload_now(t) } else { step }
}

fn without_waiting(t: ThreadRef, f: File) -> isize {
    let fd = f.fd as usize;
    // SAFETY: flags of a descriptor, and the call the program made.
    unsafe {
        let flags = sys::syscall2(nr(libc::SYS_fcntl), fd, libc::F_GETFL as usize);
        if sys::is_err(flags) {
            return flags;
        }
        let nonblocking = flags as usize | libc::O_NONBLOCK as usize;
        sys::syscall3(nr(libc::SYS_fcntl), fd, libc::F_SETFL as usize, nonblocking);
        let r = sys::syscall3(nr(libc::SYS_connect), fd, t.arg(1), t.arg(2));
        sys::syscall3(nr(libc::SYS_fcntl), fd, libc::F_SETFL as usize, flags as usize);
        r
    }
}

fn note(fd: i32, flags: i32) {
    if let Some(e) = reactor::entry(fd) {
        reactor::forget(fd);
        e.made_here(Kind::Unknown, flags & libc::SOCK_NONBLOCK != 0, None);
    }
}

/// socket(2).
pub(crate) fn socket(t: ThreadRef) -> Step {
    // SAFETY: no pointers.
    let r = unsafe { sys::syscall3(nr(libc::SYS_socket), t.arg(0), t.arg(1), t.arg(2)) };
    if r >= 0 {
        note(r as i32, t.arg(1) as i32);
    }
    Step::Done(r)
}

/// socketpair(2).
pub(crate) fn socketpair(t: ThreadRef) -> Step {
    // SAFETY: the call the program made.
    let r = unsafe { sys::syscall4(nr(libc::SYS_socketpair), t.arg(0), t.arg(1), t.arg(2), t.arg(3)) };
    if r == 0
        && let Ok(pair) = user::get::<u64>(t.arg(3))
    {
        note(pair as i32, t.arg(1) as i32);
        note((pair >> 32) as i32, t.arg(1) as i32);
    }
    Step::Done(r)
}
