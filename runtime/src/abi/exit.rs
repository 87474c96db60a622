//! The end of a thread, and of the process.

use super::{Step, futex};
use crate::process;
use crate::sched::bound;
use crate::sched::saved::SavedContext;
use crate::sched::thread::ThreadRef;
use crate::sched::tids;
use crate::sys::kernel::RobustListHead;
use crate::sys::{self, nr, user};

/// exit(2): this thread only.
pub(crate) fn exit(_: ThreadRef) -> Step {
    Step::Exit
}

/// exit_group(2): the report, then the kernel.
pub(crate) fn exit_group(_: ThreadRef) -> Step {
    process::report();
    Step::Native
}

/// What the kernel does for a dead thread (kernel/exit.c, mm_release): robust list, tid word. Called from the hub, when
/// nothing runs on the thread's stack any more: the wake-up lets its joiner free it.
pub(crate) fn reap(t: ThreadRef) {
    walk_robust_list(t);
    let (word, status) = (t.clear_tid.get(), t.arg(0));
    // Before the thread stops counting: a joiner that finds itself alone waits in the kernel, where no wake of ours is heard.
    let cleared = word != 0 && user::put(word, &0u32).is_ok();
    bound::ended(&t);
    let left = tids::remove(t);
    super::signal::thread_gone(t);
    SavedContext::give(t.vectors.replace(core::ptr::null_mut()).cast());
    SavedContext::give(t.saved.replace(core::ptr::null_mut()));
    t.fd_waits.release();
    // SAFETY: it is in no queue, and no longer in the tid table.
    unsafe { t.free() };
    if cleared {
        futex::wake(word, 1, u32::MAX);
    }
    if left == 0 {
        process::report();
        // SAFETY: the last thread is gone, so the process is.
        unsafe { sys::syscall1(nr(libc::SYS_exit_group), status & 0xff) };
    }
}

const FUTEX_OWNER_DIED: u32 = 0x4000_0000;
const FUTEX_WAITERS: u32 = 0x8000_0000;
const FUTEX_TID_MASK: u32 = 0x3fff_ffff;
/// `ROBUST_LIST_LIMIT`: a list that is longer is a loop.
const ROBUST_LIST_LIMIT: usize = 2048;

/// `exit_robust_list` of kernel/futex/core.c: marks every lock the thread held as abandoned and wakes one waiter.
fn walk_robust_list(t: ThreadRef) {
    let head_at = t.robust.get();
    if head_at == 0 {
        return;
    }
    let Ok(head) = user::get::<RobustListHead>(head_at) else { return };
    let mut entry = head.next;
    for _ in 0..ROBUST_LIST_LIMIT {
        if entry & !1 == head_at {
            break;
        }
        // The next one is read first: after the wake-up the entry may be gone.
        let Ok(next) = user::get::<usize>(entry & !1) else { return };
        if entry & !1 != head.pending & !1 {
            abandon(t, entry, head.futex_offset);
        }
        entry = next;
    }
    if head.pending & !1 != 0 {
        abandon(t, head.pending, head.futex_offset);
    }
}

fn abandon(t: ThreadRef, entry: usize, offset: isize) {
    let (word, pi) = ((entry & !1).wrapping_add_signed(offset), entry & 1 != 0);
    let tid = t.tid.get();
    let Ok(old) = user::load(word) else { return };
    if old & FUTEX_TID_MASK != tid {
        return;
    }
    let marked =
        user::update(word, |w| if w & FUTEX_TID_MASK == tid { w & FUTEX_WAITERS | FUTEX_OWNER_DIED } else { w });
    if marked.is_ok_and(|w| w & FUTEX_WAITERS != 0) {
        if pi {
            futex::owner_died(word);
        } else {
            futex::wake(word, 1, u32::MAX);
        }
    }
}
