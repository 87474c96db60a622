//! User and group ids: POSIX says the process has them, the kernel keeps them per thread.
//!
//! glibc sends its private signal to every thread and lets each make the call (nptl/nptl_setxid.c). Virtual threads do
//! that on whichever carrier they are; so the first call of a series is made on every OS thread, and the same call by the
//! other threads is answered from it.

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

/// The last call that was made everywhere, and its result.
static LAST: Spin<([usize; 4], isize)> = Spin::new(([0; 4], 0));

/// setuid(2), setgid(2) and their kin; setgroups(2). By libc's functions they are meant for the process; who makes the call
/// itself (syscall(2)) means one thread, as Samba does.
pub(crate) fn set_ids(t: ThreadRef) -> Step {
    if is_raw(t) {
        return super::kernel_state::binds(t);
    }
    let number = t.regs().rax as usize;
    let key = [number, t.arg(0), t.arg(1), t.arg(2)];
    let mut last = LAST.lock();
    // In glibc's handler (its signal is blocked there): somebody has just made this very call for everyone. The one who
    // sent the signals makes the call last, with everything blocked (nptl_setxid.c).
    let in_handler = t.signals.mask() & super::signal::bit(crate::sched::tick::SIGNAL) != 0;
    if in_handler && last.0 == key {
        return Step::Done(last.1);
    }
    // SAFETY: these calls take numbers, and setgroups an array that the caller keeps while it waits.
    let r = unsafe { broadcast::everywhere(number, [t.arg(0), t.arg(1), t.arg(2)]) };
    *last = (key, r);
    Step::Done(r)
}
