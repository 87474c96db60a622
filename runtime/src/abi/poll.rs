//! poll(2) and ppoll(2). The kernel writes `revents` into the program's own array.

use super::Step;
use super::ready::{self, Set};
use crate::sched::helper::Call;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::user::{self, Fault};
use crate::sys::{self, nr};
use core::mem::MaybeUninit;
use libc::pollfd;

/// poll(2).
pub(crate) fn poll(t: ThreadRef) -> Step {
    if t.woken().is_none() && tids::live() == 1 {
        return Step::Native;
    }
    ready::wait(t, &Fds::of(t), ready::deadline_ms(t.arg(2) as i32))
}

/// ppoll(2).
pub(crate) fn ppoll(t: ThreadRef) -> Step {
    let (timeout, mask) = (t.arg(2), t.arg(3));
    let mut deadline = ready::NO_WAIT;
    if t.woken().is_none() {
        // With a mask of its own the call is never the kernel's: masks are the engine's.
        if mask == 0 && tids::live() == 1 {
            return Step::Native;
        }
        deadline = match ready::deadline_at(timeout).and_then(|d| ready::set_mask(t, mask, t.arg(4)).map(|()| d)) {
            Ok(d) => d,
            Err(e) => return e,
        };
    }
    let step = ready::wait(t, &Fds::of(t), deadline);
    ready::write_left(t, timeout, step)
}

/// The program's array.
struct Fds {
    at: usize,
    n: usize,
}

/// Entries copied at a time.
const CHUNK: usize = 64;

impl Fds {
    fn of(t: ThreadRef) -> Fds {
        // The kernel's nfds is an unsigned int.
        Fds { at: t.arg(0), n: t.arg(1) as u32 as usize }
    }

    /// Calls `f` with the address and the copy of each entry, until it says false.
    fn each(&self, mut f: impl FnMut(usize, pollfd) -> bool) -> Result<(), Fault> {
        let mut chunk = [const { MaybeUninit::<pollfd>::uninit() }; CHUNK];
        let mut i = 0;
        while i < self.n {
            let (m, at) = ((self.n - i).min(CHUNK), self.at + i * size_of::<pollfd>());
            // SAFETY: room for `m` entries.
            unsafe { user::copy_in(chunk.as_mut_ptr().cast(), at, m * size_of::<pollfd>())? };
            for (k, p) in chunk[..m].iter().enumerate() {
                // SAFETY: copied just now; any bytes are an entry.
                if !f(at + k * size_of::<pollfd>(), unsafe { p.assume_init() }) {
                    return Ok(());
                }
            }
            i += m;
        }
        Ok(())
    }
}

impl Set for Fds {
    fn look(&self, again: bool) -> isize {
        // SAFETY: the kernel checks the array; with timeout 0 it does not wait.
        let r = unsafe { sys::syscall3(nr(libc::SYS_poll), self.at, self.n, 0) };
        if r <= 0 {
            return r;
        }
        let (mut seen, mut closed) = (0, 0);
        let walked = self.each(|at, p| {
            if p.revents != 0 {
                seen += 1;
                if again && p.revents & libc::POLLNVAL != 0 {
                    closed += 1;
                    let _ = user::put(at, &pollfd { revents: 0, ..p });
                } else {
                    ready::found_ready(p.fd, p.revents as u32);
                }
            }
            seen < r
        });
        if walked.is_err() { -libc::EFAULT as isize } else { r - closed }
    }

    fn watch(&self, t: ThreadRef, seq: u64) -> Result<(), i32> {
        let alone = self.n == 1;
        if !alone {
            t.fd_waits.reserve(self.n)?;
        }
        let mut result = Ok(());
        // A fault is told by the look that follows.
        let _ = self.each(|_, p| {
            if p.fd >= 0 {
                result = ready::watch_one(t, p.fd, ready::edges(p.events), seq, alone);
            }
            result.is_ok()
        });
        result
    }

    fn is_drained(&self) -> bool {
        self.n == 1
            && user::get::<pollfd>(self.at)
                .is_ok_and(|p| crate::reactor::entry(p.fd).is_some_and(|e| e.is_drained(ready::edges(p.events))))
    }

    fn as_call(&self, ms: isize) -> Call {
        [nr(libc::SYS_poll), self.at, self.n, ms as usize, 0, 0, 0]
    }
}
