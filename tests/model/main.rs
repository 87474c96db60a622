//! The engine's protocols under the model checker: every interleaving (up to a bound of preemptions) of a few threads, and
//! every value that the memory model lets a load see.
//!
//! The code under test is the engine's own, included by its path where it stands in files of nothing but a protocol
//! (`runtime/src/sync.rs` tells which); where it does not, a module here says what it mirrors. A wake-up that is lost shows
//! as a deadlock: loom fails when all threads are blocked. For each protocol there is a test in which it is broken in one
//! place and must fail, so that the models are known to see anything at all.

mod fd_ready;
mod handover;
mod idle;
mod park;
mod requeue;
mod sched;
mod signals;
mod sync;
mod task;
mod word;

#[allow(dead_code, unreachable_pub)]
#[path = "../../runtime/src/abi/futex/bucket.rs"]
mod bucket;
#[allow(dead_code, unreachable_pub)]
#[path = "../../runtime/src/reactor/kick.rs"]
mod kick;

/// Checks all interleavings with at most `preemptions` switches away from a thread that could go on. Three find nearly all
/// bugs there are (Musuvathi and Qadeer, "Iterative context bounding", 2007), at a cost that stays small.
fn check(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut b = loom::model::Builder::new();
    b.preemption_bound = Some(preemptions);
    b.check(f);
}
