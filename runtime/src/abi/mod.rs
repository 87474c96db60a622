//! The kernel ABI layer: what each virtualised system call does.
//!
//! A call is a *step function*. It is called once when the thread enters the gate and again each time its park ends; it
//! never blocks and keeps nothing on a stack: what it must remember is in `Thread::call`. The hub does what it answers.
//! [`ROWS`] says which call is served by which function; all others go to the kernel without coming here.

pub(crate) mod clone;
pub(crate) mod credentials;
pub(crate) mod epoll;
pub(crate) mod exit;
pub(crate) mod fds;
pub(crate) mod files;
pub(crate) mod futex;
pub(crate) mod identity;
pub(crate) mod io;
pub(crate) mod limits;
pub(crate) mod locks;
pub(crate) mod poll;
pub(crate) mod procfs;
pub(crate) mod queues;
pub(crate) mod ready;
pub(crate) mod select;
pub(crate) mod shared;
pub(crate) mod signal;
pub(crate) mod stacks;
pub(crate) mod time;
pub(crate) mod uring;
pub(crate) mod wait;

use crate::arch;
use crate::process;
use crate::sched::thread::ThreadRef;
use crate::sched::timer::NEVER;
use crate::sys::nr;
use crate::sys::user::Fault;
use core::sync::atomic::Ordering::*;

/// Bytes of the `syscall` instruction.
pub(crate) const SYSCALL_LEN: u64 = 2;

/// What a step function answers.
pub(crate) enum Step {
    /// The call has this result.
    Done(isize),
    /// The kernel shall do it: the thread executes the site's own `syscall`.
    Native,
    /// The thread waits: the function has called [`prepare`] and put its nodes where wakers find them.
    Park,
    /// A signal ended the wait before anything was done: EINTR, or the call is restarted (by [`Row::restart`]).
    Interrupted,
    /// Result 0, after everyone else had a turn.
    Yield,
    /// The thread goes on from `Thread::saved`.
    Resume,
    /// The thread is gone.
    Exit,
}

/// Shorthand for an error result.
pub(crate) fn err(errno: i32) -> Step {
    Step::Done(-errno as isize)
}

impl From<Fault> for Step {
    fn from(_: Fault) -> Step {
        err(libc::EFAULT)
    }
}

/// Whether a call that a signal interrupted is restarted after a handler with SA_RESTART (signal(7)). Without a handler it
/// always goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Restart {
    /// EINTR, whatever the handler's flags say.
    Never,
    /// Restarted under SA_RESTART.
    Flag,
}

/// A row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// What serves it.
    pub step: fn(ThreadRef) -> Step,
    /// What a signal does to it.
    pub restart: Restart,
}

/// Begins a park that ends at `deadline` at the latest (monotonic nanoseconds, [`NEVER`]); gives its sequence number.
pub(crate) fn prepare(t: ThreadRef, deadline: u64, interruptible: bool) -> u64 {
    t.call.deadline.set(deadline);
    t.interruptible.store(interruptible, Relaxed);
    let seq = t.waiter.state.prepare();
    if interruptible && signal::deliverable(&t) {
        // A signal that came before the park was announced: it ends the park at once.
        t.waiter.state.wake(seq, crate::sched::state::Wake::Signal);
    }
    seq
}

/// A park for nothing but time or a signal.
pub(crate) fn park_until(t: ThreadRef, deadline: u64) -> Step {
    prepare(t, deadline, true);
    Step::Park
}

/// A relative wait as a deadline.
pub(crate) fn after(ns: u64) -> u64 {
    crate::sys::monotonic().saturating_add(ns).min(NEVER - 1)
}

fn native(_: ThreadRef) -> Step {
    Step::Native
}

static UNUSED: Row = Row { step: native, restart: Restart::Never };

/// The row that serves a number.
#[inline(always)]
pub(crate) fn row(number: usize) -> &'static Row {
    match INDEX.get(number) {
        Some(&i) if i != 0 => &ROWS[i as usize - 1],
        _ => &UNUSED,
    }
}

/// Whether a call comes to the engine.
pub(crate) fn is_virtual(number: usize) -> bool {
    INDEX.get(number).is_some_and(|i| *i != 0)
}

/// The calls' names by number, without relocations and of fixed size, for debuggers; zeroes for those that do not come here.
pub(crate) static NAMES: [[u8; NAME]; 512] = names();
/// Room for a name.
pub(crate) const NAME: usize = 24;

/// The name of a call that comes to the engine.
pub(crate) fn name(number: usize) -> &'static str {
    let name = NAMES.get(number).map_or(&[][..], |n| &n[..]);
    let len = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    str::from_utf8(&name[..len]).unwrap_or_default()
}

const fn names() -> [[u8; NAME]; 512] {
    let mut names = [[0; NAME]; 512];
    let mut i = 0;
    while i < CALLS.len() {
        let (number, name) = (CALLS[i].0, CALLS[i].1.as_bytes());
        let prefix = "SYS_".len();
        let mut k = prefix;
        while k < name.len() && k - prefix < NAME - 1 {
            names[number][k - prefix] = name[k];
            k += 1;
        }
        i += 1;
    }
    names
}

/// Sends the calls of the table through the gate, or none.
pub(crate) fn virtualise(on: bool) {
    for (n, i) in INDEX.iter().enumerate() {
        if *i != 0 {
            arch::VIRTUAL[n].store(on as u8, Release);
        }
    }
}

/// Place in [`ROWS`] plus one by number; 0: the call does not come here.
static INDEX: [u8; 512] = index();

const fn index() -> [u8; 512] {
    assert!(CALLS.len() < 256);
    let mut index = [0; 512];
    let mut i = 0;
    while i < CALLS.len() {
        assert!(index[CALLS[i].0] == 0, "a call has one row");
        index[CALLS[i].0] = i as u8 + 1;
        i += 1;
    }
    index
}

/// Declares [`ROWS`] and [`CALLS`], which say the same of the same calls in the same order. Two, because each pointer in
/// what exists at run time is a relocation that every program pays for when it loads the library.
macro_rules! table {
    ($($sys:ident $step:path, $restart:ident;)*) => {
        /// Every system call that comes to the engine: what is done with it.
        static ROWS: [Row; CALLS.len()] = [$(Row { step: $step, restart: Restart::$restart }),*];
        /// Number and name.
        const CALLS: &[(usize, &str)] = &[$((nr(libc::$sys), stringify!($sys))),*];
    };
}

table! {
    SYS_futex             futex::futex,               Flag;
    SYS_io_uring_enter uring::io_uring_enter, Never;
    SYS_futex_waitv       futex::waitv,               Flag;
    SYS_nanosleep         time::nanosleep,            Never;
    SYS_clock_nanosleep   time::clock_nanosleep,      Never;
    SYS_sched_yield       time::sched_yield,          Never;
    SYS_clone             clone::clone,               Never;
    SYS_clone3            clone::clone3,              Never;
    SYS_poll              poll::poll,                 Never;
    SYS_ppoll             poll::ppoll,                Never;
    SYS_select            select::select,             Never;
    SYS_pselect6          select::pselect6,           Never;
    SYS_epoll_wait        epoll::epoll_wait,          Never;
    SYS_epoll_pwait       epoll::epoll_pwait,         Never;
    SYS_epoll_pwait2      epoll::epoll_pwait2,        Never;
    SYS_wait4             wait::wait4,                Flag;
    SYS_waitid            wait::waitid,               Flag;
    SYS_flock             locks::flock,               Flag;
    SYS_fcntl             fds::fcntl,                 Flag;
    SYS_ioctl             fds::ioctl,                 Flag;
    SYS_open              files::open,                  Flag;
    SYS_openat            files::openat,                Flag;
    SYS_fsync             files::sync,                  Flag;
    SYS_fdatasync         files::sync,                  Flag;
    SYS_sync              files::sync,                  Flag;
    SYS_syncfs            files::sync,                  Flag;
    SYS_msgsnd            queues::msgsnd,             Never;
    SYS_msgrcv            queues::msgrcv,             Never;
    SYS_semop             queues::semop,              Never;
    SYS_semtimedop        queues::semtimedop,         Never;
    SYS_mq_timedsend      queues::mq_timedsend,       Flag;
    SYS_mq_timedreceive   queues::mq_timedreceive,    Flag;
    SYS_exit              exit::exit,                 Never;
    SYS_exit_group        exit::exit_group,           Never;
    SYS_gettid            identity::gettid,           Never;
    SYS_set_tid_address   identity::set_tid_address,  Never;
    SYS_set_robust_list   identity::set_robust_list,  Never;
    SYS_get_robust_list   identity::get_robust_list,  Never;
    SYS_rseq              identity::rseq,             Never;
    SYS_prctl             identity::prctl,            Never;
    SYS_setrlimit         limits::setrlimit,          Never;
    SYS_prlimit64         limits::prlimit64,          Never;
    SYS_setuid            credentials::set_ids,       Never;
    SYS_setgid            credentials::set_ids,       Never;
    SYS_setreuid          credentials::set_ids,       Never;
    SYS_setregid          credentials::set_ids,       Never;
    SYS_setresuid         credentials::set_ids,       Never;
    SYS_setresgid         credentials::set_ids,       Never;
    SYS_setgroups         credentials::set_ids,       Never;
    SYS_getpriority       identity::priority,         Never;
    SYS_setpriority       identity::priority,         Never;
    SYS_sched_setaffinity      identity::set_affinity,   Never;
    SYS_sched_getaffinity      identity::get_affinity,   Never;
    SYS_sched_setparam         identity::about_tid,   Never;
    SYS_sched_getparam         identity::about_tid,   Never;
    SYS_sched_setscheduler     identity::about_tid,   Never;
    SYS_sched_getscheduler     identity::about_tid,   Never;
    SYS_sched_setattr          identity::about_tid,   Never;
    SYS_sched_getattr          identity::about_tid,   Never;
    SYS_sched_rr_get_interval  identity::about_tid,   Never;
    SYS_mmap              stacks::mmap,               Never;
    SYS_mprotect          stacks::mprotect,           Never;
    SYS_munmap            stacks::munmap,             Never;
    SYS_madvise           stacks::madvise,            Never;
    SYS_fork              clone::fork,                Never;
    SYS_vfork             clone::vfork,               Never;
    SYS_execve            process::execve,            Never;
    SYS_execveat          process::execve,            Never;
    SYS_rt_sigaction      signal::calls::rt_sigaction,      Never;
    SYS_rt_sigprocmask    signal::calls::rt_sigprocmask,    Never;
    SYS_rt_sigpending     signal::calls::rt_sigpending,     Never;
    SYS_rt_sigsuspend     signal::calls::rt_sigsuspend,     Never;
    SYS_rt_sigtimedwait   signal::calls::rt_sigtimedwait,   Never;
    SYS_rt_tgsigqueueinfo signal::calls::rt_tgsigqueueinfo, Never;
    SYS_rt_sigqueueinfo   signal::calls::rt_sigqueueinfo,   Never;
    SYS_signalfd signal::calls::signalfd, Never;
    SYS_signalfd4 signal::calls::signalfd, Never;
    SYS_rt_sigreturn      signal::sigreturn,                Never;
    SYS_timer_create      signal::timers::timer_create,     Never;
    SYS_timer_delete      signal::timers::timer_delete,     Never;
    SYS_sigaltstack       signal::calls::sigaltstack,       Never;
    SYS_pause             signal::calls::pause,             Never;
    SYS_tgkill            signal::calls::tgkill,            Never;
    SYS_tkill             signal::calls::tkill,             Never;
    SYS_kill              signal::calls::kill,              Never;
    SYS_read              io::transfer::read,         Flag;
    SYS_readv             io::transfer::readv,        Flag;
    SYS_preadv2           io::transfer::preadv2,      Flag;
    SYS_write             io::transfer::write,        Flag;
    SYS_writev            io::transfer::writev,       Flag;
    SYS_pwritev2          io::transfer::pwritev2,     Flag;
    SYS_recvfrom          io::message::recvfrom,      Flag;
    SYS_recvmsg           io::message::recvmsg,       Flag;
    SYS_recvmmsg          io::many::recvmmsg,         Flag;
    SYS_sendto            io::message::sendto,        Flag;
    SYS_sendmsg           io::message::sendmsg,       Flag;
    SYS_sendmmsg          io::many::sendmmsg,         Flag;
    SYS_accept            io::accept::accept,         Flag;
    SYS_accept4           io::accept::accept4,        Flag;
    SYS_connect           io::connect::connect,       Flag;
    SYS_sendfile          io::splice::sendfile,       Flag;
    SYS_splice            io::splice::splice,         Flag;
    SYS_tee               io::splice::tee,            Flag;
    SYS_vmsplice          io::splice::vmsplice,       Flag;
    SYS_socket            io::connect::socket,        Never;
    SYS_socketpair        io::connect::socketpair,    Never;
    SYS_setsockopt        fds::setsockopt,            Never;
    SYS_close             fds::close,                 Never;
    SYS_close_range       fds::close_range,           Never;
    SYS_dup               fds::dup,                   Never;
    SYS_dup2              fds::dup2,                  Never;
    SYS_dup3              fds::dup2,                  Never;
}
