//! The list of those who wait on a descriptor.

use super::*;
use crate::sched::state::Woken;
use crate::testing::cases;

fn node() -> FdWait {
    FdWait {
        next: Cell::new(null()),
        prev: Cell::new(null()),
        waiter: Cell::new(null()),
        seq: Cell::new(0),
        fd: Cell::new(-1),
        events: Cell::new(0),
        linked: Cell::new(false),
        stays: Cell::new(false),
        moved: Cell::new(false),
    }
}

const OUT: u32 = libc::EPOLLOUT as u32;

/// What a reader or writer is told of, said the long way.
fn is_told(wanted: u32, ready: u32) -> bool {
    let end = ready & (libc::EPOLLERR | libc::EPOLLHUP) as u32 != 0;
    end || (wanted & IN != 0 && ready & (IN | RDHUP) != 0) || (wanted & OUT != 0 && ready & OUT != 0)
}

#[test]
fn an_event_wakes_those_whom_it_concerns_and_nobody_else() {
    cases(300, |random| {
        let waiters: Vec<Waiter> = (0..12).map(|_| Waiter::idle()).collect();
        let nodes: Vec<FdWait> = (0..12).map(|_| node()).collect();
        let mut list = List(null());
        for _ in 0..200 {
            let i = random.below(12);
            let (n, w) = (&nodes[i], &waiters[i]);
            match random.below(3) {
                0 if !n.linked.get() => {
                    n.waiter.set(w);
                    n.seq.set(w.state.prepare());
                    n.events.set([IN, OUT, IN | OUT][random.below(3)]);
                    list.link(n);
                }
                1 => {
                    if n.linked.get() {
                        w.state.cancel();
                    }
                    // Taking out what is out already is nothing.
                    list.unlink(n);
                }
                _ => {
                    let bits = [IN, OUT, RDHUP, libc::EPOLLHUP as u32, libc::EPOLLERR as u32, libc::EPOLLPRI as u32];
                    let ready = bits[random.below(6)] | bits[random.below(6)];
                    let before: Vec<bool> = nodes.iter().map(|n| n.linked.get()).collect();
                    list.wake(ready);
                    for ((n, w), was) in nodes.iter().zip(&waiters).zip(before) {
                        let told = was && is_told(n.events.get(), ready);
                        assert_eq!(n.linked.get(), was && !told);
                        if told {
                            assert_eq!(w.state.wake(n.seq.get(), Wake::Timeout), Woken::Late, "it was not woken");
                            w.state.finish();
                        } else if was {
                            assert_eq!(w.state.waiting(), Some(n.seq.get()));
                        }
                    }
                }
            }
            // Both directions tell the same, and all who are linked are in.
            let (mut count, mut prev, mut p) = (0, null(), list.0);
            // SAFETY: the test's nodes stay.
            while let Some(n) = unsafe { p.as_ref() } {
                assert!(n.linked.get() && std::ptr::eq(n.prev.get(), prev));
                (count, prev, p) = (count + 1, p, n.next.get());
            }
            assert_eq!(count, nodes.iter().filter(|n| n.linked.get()).count());
        }
    });
}
