//! sendfile(2), splice(2), tee(2), vmsplice(2): data that moves inside the kernel.
//!
//! They have no form that never waits (SPLICE_F_NONBLOCK is not for sockets; sendfile has no flags), so a helper makes
//! them, unless the descriptor that is written to cannot hold anybody up.

use crate::abi::{Step, signal};
use crate::reactor::mode::NONBLOCK;
use crate::reactor::{self, Kind};
use crate::sched::helper;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;

/// sendfile(2): to argument 0 from a file.
pub(crate) fn sendfile(t: ThreadRef) -> Step {
    by_helper(t, &[t.arg(0)])
}

/// splice(2): from argument 0 to argument 2.
pub(crate) fn splice(t: ThreadRef) -> Step {
    by_helper(t, &[t.arg(0), t.arg(2)])
}

/// tee(2): from argument 0 to argument 1.
pub(crate) fn tee(t: ThreadRef) -> Step {
    by_helper(t, &[t.arg(0), t.arg(1)])
}

/// vmsplice(2): argument 0 is a pipe.
pub(crate) fn vmsplice(t: ThreadRef) -> Step {
    by_helper(t, &[t.arg(0)])
}

fn by_helper(t: ThreadRef, descriptors: &[usize]) -> Step {
    if t.woken().is_none() && (tids::live() == 1 || !descriptors.iter().any(|fd| may_wait(*fd as i32))) {
        return Step::Native;
    }
    let step = helper::offload(t);
    if matches!(step, Step::Done(r) if r == -libc::EPIPE as isize) {
        // The kernel raised it for the helper, which has it blocked.
        signal::raise(t, libc::SIGPIPE);
    }
    step
}

fn may_wait(fd: i32) -> bool {
    let Some(e) = reactor::entry(fd) else { return false };
    !matches!(e.kind(fd), None | Some(Kind::File)) && e.mode(fd) & NONBLOCK == 0
}
