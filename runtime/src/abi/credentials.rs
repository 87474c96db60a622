//! User and group ids: POSIX says the process has them, the kernel keeps them per thread.
//!
//! glibc sends its private signal to every thread and lets each make the call; the one who sent the signals makes it last
//! (nptl/nptl_setxid.c). Virtual threads do that on whichever carrier they are. So the first call of such a round is made on
//! every OS thread, and the others of the round are answered from it: none is made twice, because it need not be the same
//! then (setuid(0) of one who has 0 as saved id only changes the effective id, and at the second time all three).

use super::Step;
use crate::gate;
use crate::sched::broadcast;
use crate::sched::thread::ThreadRef;
use crate::sys::spin::Spin;

/// Whether the call comes from libc's `syscall` function, or from outside libc.
fn is_raw(t: ThreadRef) -> bool {
    /// The function has some fifty bytes.
    const LENGTH: usize = 64;
    let function = libc::syscall as *const () as usize;
    gate::locate(t.regs().r11 as usize)
        .is_none_or(|l| l.kind != gate::ObjectKind::Libc || (function..function + LENGTH).contains(&l.site))
}

/// The last call that was made everywhere.
struct Round {
    /// Number and arguments.
    call: [usize; 4],
    result: isize,
    /// It was made in a handler of glibc's, so more of the kind will come, the sender's as the last.
    open: bool,
}

static ROUND: Spin<Round> = Spin::new(Round { call: [0; 4], result: 0, open: false });

/// setuid(2), setgid(2) and their kin; setgroups(2). By libc's functions they are meant for the process; who makes the call
/// itself (syscall(2)) means one thread, as Samba does.
pub(crate) fn set_ids(t: ThreadRef) -> Step {
    if is_raw(t) {
        return super::kernel_state::binds(t);
    }
    let number = t.regs().rax as usize;
    let call = [number, t.arg(0), t.arg(1), t.arg(2)];
    // A handler has its own signal blocked, which no program can block.
    let in_handler = t.signals.mask() & super::signal::bit(crate::sched::tick::SIGNAL) != 0;
    let mut round = ROUND.lock();
    if round.open && round.call == call {
        round.open = in_handler;
        return Step::Done(round.result);
    }
    // SAFETY: these calls take numbers, and setgroups an array that the caller keeps while it waits.
    let result = unsafe { broadcast::everywhere(number, [t.arg(0), t.arg(1), t.arg(2)]) };
    *round = Round { call, result, open: in_handler };
    Step::Done(result)
}
