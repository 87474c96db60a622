//! The table of all system calls of x86-64: what becomes of each, and why.
//!
//! The one source. The dispatcher ([`super::row`]) and the entry's map of virtual calls are made from it, docs and tests
//! too: `SYSCALLS.md` is this table rendered (`tests.rs`, which also compares it with the kernel's headers;
//! `reach.rs` with what libc's functions come to). A number that is not here goes to the kernel as it is.
//!
//! A row is `number name class(..)`. Passthrough calls have a reason ([`Why`]) and no function; all others have the step
//! function that serves them, what a handler's SA_RESTART does to them, and a few words.

use super::*;
use crate::process;
use Restart::{Flag, Never};
use Why::*;

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// It would block; it parks.
    Cooperative,
    /// It can only block in the kernel; a helper makes it.
    Offloaded,
    /// It does not block; the engine keeps what it is about, in whole or in part.
    Virtualised,
    /// It goes to the kernel as it is.
    Passthrough(Why),
    /// It has no right answer; ENOSYS.
    Refused,
}

/// Why a call may go to the kernel as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// It answers from the kernel's memory, or makes something there.
    Prompt,
    /// It is about memory, which all threads share; it waits at most for pages.
    Memory,
    /// It is about something the process has once, and that all its threads share.
    Process,
    /// It waits for nothing but a disk or a file system behind a network.
    Disk,
    /// It is the administrator's, about the system as a whole.
    System,
    /// It is about state that the kernel keeps for the OS thread, which the virtual thread may leave.
    OsThread,
    /// The kernel has no such call; it answers ENOSYS.
    Absent,
}

/// A row.
#[cfg_attr(not(test), expect(dead_code, reason = "class and why are for the document"))]
pub(crate) struct Call {
    /// Its number.
    pub number: usize,
    /// Its name in the kernel's headers.
    pub name: &'static str,
    /// What becomes of it.
    pub class: Class,
    /// What serves it.
    pub step: Option<StepFn>,
    /// What a signal does to it.
    pub restart: Restart,
    /// Words for people, where the class does not say it all.
    pub why: &'static str,
}

/// How many calls are served.
pub(super) const SERVED: usize = {
    let (mut i, mut n) = (0, 0);
    while i < CALLS.len() {
        n += CALLS[i].step.is_some() as usize;
        i += 1;
    }
    n
};

/// What the dispatcher has of the calls that are served, in the order of [`CALLS`].
pub(super) const fn rows() -> [Row; SERVED] {
    let mut rows = [Row { step: refused, restart: Never }; SERVED];
    let (mut i, mut n) = (0, 0);
    while i < CALLS.len() {
        if let Some(step) = CALLS[i].step {
            rows[n] = Row { step, restart: CALLS[i].restart };
            n += 1;
        }
        i += 1;
    }
    rows
}

/// Where they are in [`rows`], plus one, by number; 0 for those that are not.
pub(super) const fn index() -> [u8; NUMBERS] {
    const { assert!(SERVED < 256) };
    let mut index = [0; NUMBERS];
    let (mut i, mut n, mut least) = (0, 0, 0);
    while i < CALLS.len() {
        let number = CALLS[i].number;
        assert!(number >= least, "numbers ascend");
        least = number + 1;
        if CALLS[i].step.is_some() {
            n += 1;
            index[number] = n;
        }
        i += 1;
    }
    index
}

/// ENOSYS, as an older kernel would say.
fn refused(_: ThreadRef) -> Step {
    err(libc::ENOSYS)
}

macro_rules! calls {
    ($($number:literal $name:ident $class:ident ($($what:tt)*);)*) => {
        /// Every call, by ascending number.
        pub(crate) const CALLS: &[Call] = &[$(row!($number $name $class $($what)*)),*];
    };
}

macro_rules! row {
    ($n:literal $name:ident passthrough $why:ident) => {
        Call {
            number: $n,
            name: stringify!($name),
            class: Class::Passthrough($why),
            step: None,
            restart: Never,
            why: "",
        }
    };
    ($n:literal $name:ident $class:ident $step:path, $restart:ident, $why:literal) => {
        Call {
            number: $n,
            name: stringify!($name),
            class: class!($class),
            step: Some($step),
            restart: $restart,
            why: $why,
        }
    };
}

macro_rules! class {
    (cooperative) => {
        Class::Cooperative
    };
    (offloaded) => {
        Class::Offloaded
    };
    (virtualised) => {
        Class::Virtualised
    };
    (refused) => {
        Class::Refused
    };
}

calls! {
    0   read                      cooperative (io::transfer::read, Flag, "parks until there is data");
    1   write                     cooperative (io::transfer::write, Flag, "parks until there is room");
    2   open                      offloaded   (files::open, Flag, "a FIFO waits for its other end; files of /proc about a thread are virtual");
    3   close                     virtualised (fds::close, Never, "who waits on it goes on; the engine's own are kept");
    4   stat                      passthrough (Disk);
    5   fstat                     passthrough (Disk);
    6   lstat                     passthrough (Disk);
    7   poll                      cooperative (poll::poll, Never, "parks on every descriptor, then asks the kernel without waiting");
    8   lseek                     passthrough (Prompt);
    9   mmap                      virtualised (stacks::mmap, Never, "stacks and their guards come from slots; all else is the kernel's");
    10  mprotect                  virtualised (stacks::mprotect, Never, "stacks and their guards come from slots; all else is the kernel's");
    11  munmap                    virtualised (stacks::munmap, Never, "stacks and their guards come from slots; all else is the kernel's");
    12  brk                       passthrough (Memory);
    13  rt_sigaction              virtualised (signal::calls::rt_sigaction, Never, "kept per thread, and for the process");
    14  rt_sigprocmask            virtualised (signal::calls::rt_sigprocmask, Never, "kept per thread, and for the process");
    15  rt_sigreturn              virtualised (signal::sigreturn, Never, "a thread may return on another carrier");
    16  ioctl                     offloaded   (fds::ioctl, Flag, "draining a terminal; the rest is the driver's, and FIONBIO is noted");
    17  pread64                   passthrough (Disk);
    18  pwrite64                  passthrough (Disk);
    19  readv                     cooperative (io::transfer::readv, Flag, "parks until there is data");
    20  writev                    cooperative (io::transfer::writev, Flag, "parks until there is room");
    21  access                    passthrough (Disk);
    22  pipe                      passthrough (Prompt);
    23  select                    cooperative (select::select, Never, "parks on every descriptor, then asks the kernel without waiting");
    24  sched_yield               cooperative (time::sched_yield, Never, "to the end of the run queue");
    25  mremap                    passthrough (Memory);
    26  msync                     passthrough (Memory);
    27  mincore                   passthrough (Prompt);
    28  madvise                   virtualised (stacks::madvise, Never, "stacks and their guards come from slots; all else is the kernel's");
    29  shmget                    passthrough (Prompt);
    30  shmat                     passthrough (Memory);
    31  shmctl                    passthrough (Prompt);
    32  dup                       virtualised (fds::dup, Never, "what is known of a descriptor goes with it");
    33  dup2                      virtualised (fds::dup2, Never, "what is known of a descriptor goes with it");
    34  pause                     cooperative (signal::calls::pause, Never, "parks until a signal of the thread's");
    35  nanosleep                 cooperative (time::nanosleep, Never, "a deadline among ours");
    36  getitimer                 passthrough (Prompt);
    37  alarm                     passthrough (Prompt);
    38  setitimer                 passthrough (Prompt);
    39  getpid                    passthrough (Prompt);
    40  sendfile                  cooperative (io::splice::sendfile, Flag, "parks until a pipe or socket is ready; a helper where the kernel may wait for a file");
    41  socket                    virtualised (io::connect::socket, Never, "nobody else has it yet, which is noted");
    42  connect                   cooperative (io::connect::connect, Flag, "parks until it is made; by a helper where the socket may be shared");
    43  accept                    cooperative (io::accept::accept, Flag, "parks until a connection comes; a helper accepts where another process may take it first");
    44  sendto                    cooperative (io::message::sendto, Flag, "parks until there is room");
    45  recvfrom                  cooperative (io::message::recvfrom, Flag, "parks until there is data");
    46  sendmsg                   cooperative (io::message::sendmsg, Flag, "parks until there is room");
    47  recvmsg                   cooperative (io::message::recvmsg, Flag, "parks until there is data");
    48  shutdown                  passthrough (Prompt);
    49  bind                      passthrough (Prompt);
    50  listen                    passthrough (Prompt);
    51  getsockname               passthrough (Prompt);
    52  getpeername               passthrough (Prompt);
    53  socketpair                virtualised (io::connect::socketpair, Never, "nobody else has it yet, which is noted");
    54  setsockopt                virtualised (fds::setsockopt, Never, "options that change how calls wait are noted");
    55  getsockopt                passthrough (Prompt);
    56  clone                     virtualised (clone::clone, Never, "libc's threads become records; a child of fork has the caller only");
    57  fork                      virtualised (clone::fork, Never, "libc's threads become records; a child of fork has the caller only");
    58  vfork                     virtualised (clone::vfork, Never, "libc's threads become records; a child of fork has the caller only");
    59  execve                    virtualised (process::execve, Never, "the caller's signal mask is the process's first");
    60  exit                      virtualised (exit::exit, Never, "ends the virtual thread");
    61  wait4                     offloaded   (wait::wait4, Flag, "children end when they like");
    62  kill                      virtualised (signal::calls::kill, Never, "to threads of ours past the kernel, to others through it");
    63  uname                     passthrough (Prompt);
    64  semget                    passthrough (Prompt);
    65  semop                     offloaded   (queues::semop, Never, "no readiness to poll");
    66  semctl                    passthrough (Prompt);
    67  shmdt                     passthrough (Prompt);
    68  msgget                    passthrough (Prompt);
    69  msgsnd                    offloaded   (queues::msgsnd, Never, "no readiness to poll");
    70  msgrcv                    offloaded   (queues::msgrcv, Never, "no readiness to poll");
    71  msgctl                    passthrough (Prompt);
    72  fcntl                     offloaded   (fds::fcntl, Flag, "file locks (F_SETLKW, F_OFD_SETLKW); the rest is prompt, and flags are noted");
    73  flock                     offloaded   (locks::flock, Flag, "the lock's holder decides");
    74  fsync                     offloaded   (files::sync, Flag, "waits for a disk");
    75  fdatasync                 offloaded   (files::sync, Flag, "waits for a disk");
    76  truncate                  passthrough (Disk);
    77  ftruncate                 passthrough (Disk);
    78  getdents                  passthrough (Disk);
    79  getcwd                    passthrough (Prompt);
    80  chdir                     passthrough (Process);
    81  fchdir                    passthrough (Process);
    82  rename                    passthrough (Disk);
    83  mkdir                     passthrough (Disk);
    84  rmdir                     passthrough (Disk);
    85  creat                     offloaded   (files::creat, Flag, "a FIFO waits for its other end");
    86  link                      passthrough (Disk);
    87  unlink                    passthrough (Disk);
    88  symlink                   passthrough (Disk);
    89  readlink                  passthrough (Disk);
    90  chmod                     passthrough (Disk);
    91  fchmod                    passthrough (Disk);
    92  chown                     passthrough (Disk);
    93  fchown                    passthrough (Disk);
    94  lchown                    passthrough (Disk);
    95  umask                     passthrough (Prompt);
    96  gettimeofday              passthrough (Prompt);
    97  getrlimit                 passthrough (Prompt);
    98  getrusage                 virtualised (cpu_time::getrusage, Never, "RUSAGE_THREAD");
    99  sysinfo                   passthrough (Prompt);
    100 times                     passthrough (Prompt);
    101 ptrace                    virtualised (kernel_state::ptrace, Never, "a tracer is one OS thread: the thread is bound to one");
    102 getuid                    passthrough (Prompt);
    103 syslog                    passthrough (System);
    104 getgid                    passthrough (Prompt);
    105 setuid                    virtualised (credentials::set_ids, Never, "on every OS thread, as libc means it");
    106 setgid                    virtualised (credentials::set_ids, Never, "on every OS thread, as libc means it");
    107 geteuid                   passthrough (Prompt);
    108 getegid                   passthrough (Prompt);
    109 setpgid                   passthrough (Process);
    110 getppid                   passthrough (Prompt);
    111 getpgrp                   passthrough (Prompt);
    112 setsid                    passthrough (Process);
    113 setreuid                  virtualised (credentials::set_ids, Never, "on every OS thread, as libc means it");
    114 setregid                  virtualised (credentials::set_ids, Never, "on every OS thread, as libc means it");
    115 getgroups                 passthrough (Prompt);
    116 setgroups                 virtualised (credentials::set_ids, Never, "on every OS thread, as libc means it");
    117 setresuid                 virtualised (credentials::set_ids, Never, "on every OS thread, as libc means it");
    118 getresuid                 passthrough (Prompt);
    119 setresgid                 virtualised (credentials::set_ids, Never, "on every OS thread, as libc means it");
    120 getresgid                 passthrough (Prompt);
    121 getpgid                   passthrough (Prompt);
    122 setfsuid                  virtualised (kernel_state::unless_all_bits, Never, "an OS thread's: the thread is bound to one");
    123 setfsgid                  virtualised (kernel_state::unless_all_bits, Never, "an OS thread's: the thread is bound to one");
    124 getsid                    passthrough (Prompt);
    125 capget                    passthrough (Prompt);
    126 capset                    virtualised (kernel_state::binds, Never, "capabilities are an OS thread's: the thread is bound to one");
    127 rt_sigpending             virtualised (signal::calls::rt_sigpending, Never, "kept per thread, and for the process");
    128 rt_sigtimedwait           cooperative (signal::calls::rt_sigtimedwait, Never, "parks until a signal of the thread's");
    129 rt_sigqueueinfo           virtualised (signal::calls::rt_sigqueueinfo, Never, "to threads of ours past the kernel, to others through it");
    130 rt_sigsuspend             cooperative (signal::calls::rt_sigsuspend, Never, "parks until a signal of the thread's");
    131 sigaltstack               virtualised (signal::calls::sigaltstack, Never, "kept per thread, and for the process");
    132 utime                     passthrough (Disk);
    133 mknod                     passthrough (Disk);
    134 uselib                    passthrough (Absent);
    135 personality               virtualised (kernel_state::unless_all_bits, Never, "an OS thread's: the thread is bound to one");
    136 ustat                     passthrough (Disk);
    137 statfs                    passthrough (Disk);
    138 fstatfs                   passthrough (Disk);
    139 sysfs                     passthrough (Disk);
    140 getpriority               virtualised (scheduling::getpriority, Never, "of a thread: the kernel knows none of ours");
    141 setpriority               virtualised (scheduling::setpriority, Never, "a thread's own binds it, so that children inherit it; another's is kept");
    142 sched_setparam            virtualised (scheduling::setparam, Never, "a thread's own binds it, so that children inherit it; another's is kept");
    143 sched_getparam            virtualised (scheduling::getparam, Never, "of a thread: the kernel knows none of ours");
    144 sched_setscheduler        virtualised (scheduling::setscheduler, Never, "a thread's own binds it, so that children inherit it; another's is kept");
    145 sched_getscheduler        virtualised (scheduling::getscheduler, Never, "of a thread: the kernel knows none of ours");
    146 sched_get_priority_max    passthrough (Prompt);
    147 sched_get_priority_min    passthrough (Prompt);
    148 sched_rr_get_interval     virtualised (scheduling::rr_get_interval, Never, "of a thread: the kernel knows none of ours");
    149 mlock                     passthrough (Memory);
    150 munlock                   passthrough (Memory);
    151 mlockall                  passthrough (Memory);
    152 munlockall                passthrough (Memory);
    153 vhangup                   passthrough (System);
    154 modify_ldt                passthrough (Memory);
    155 pivot_root                passthrough (System);
    156 _sysctl                   passthrough (System);
    157 prctl                     virtualised (identity::prctl, Never, "names are the thread's; kernel state of one thread binds it");
    158 arch_prctl                virtualised (kernel_state::arch_prctl, Never, "the GS base is an OS thread's; AMX and shadow stacks are refused");
    159 adjtimex                  passthrough (Process);
    160 setrlimit                 virtualised (limits::setrlimit, Never, "RLIMIT_AS: reserved address space is given back");
    161 chroot                    passthrough (Process);
    162 sync                      offloaded   (files::sync, Flag, "waits for a disk");
    163 acct                      passthrough (System);
    164 settimeofday              passthrough (Process);
    165 mount                     passthrough (System);
    166 umount2                   passthrough (System);
    167 swapon                    passthrough (System);
    168 swapoff                   passthrough (System);
    169 reboot                    passthrough (System);
    170 sethostname               passthrough (System);
    171 setdomainname             passthrough (System);
    172 iopl                      virtualised (kernel_state::binds, Never, "an OS thread's: the thread is bound to one");
    173 ioperm                    virtualised (kernel_state::binds, Never, "an OS thread's: the thread is bound to one");
    174 create_module             passthrough (Absent);
    175 init_module               passthrough (System);
    176 delete_module             passthrough (System);
    177 get_kernel_syms           passthrough (Absent);
    178 query_module              passthrough (Absent);
    179 quotactl                  passthrough (System);
    180 nfsservctl                passthrough (Absent);
    181 getpmsg                   passthrough (Absent);
    182 putpmsg                   passthrough (Absent);
    183 afs_syscall               passthrough (Absent);
    184 tuxcall                   passthrough (Absent);
    185 security                  passthrough (Absent);
    186 gettid                    virtualised (identity::gettid, Never, "the thread's own id");
    187 readahead                 passthrough (Disk);
    188 setxattr                  passthrough (Disk);
    189 lsetxattr                 passthrough (Disk);
    190 fsetxattr                 passthrough (Disk);
    191 getxattr                  passthrough (Disk);
    192 lgetxattr                 passthrough (Disk);
    193 fgetxattr                 passthrough (Disk);
    194 listxattr                 passthrough (Disk);
    195 llistxattr                passthrough (Disk);
    196 flistxattr                passthrough (Disk);
    197 removexattr               passthrough (Disk);
    198 lremovexattr              passthrough (Disk);
    199 fremovexattr              passthrough (Disk);
    200 tkill                     virtualised (signal::calls::tkill, Never, "to threads of ours past the kernel, to others through it");
    201 time                      passthrough (Prompt);
    202 futex                     cooperative (futex::futex, Flag, "a table of waiters of our own; memory that other processes share goes to the kernel, by a helper");
    203 sched_setaffinity         virtualised (scheduling::setaffinity, Never, "of a thread: the kernel knows none of ours");
    204 sched_getaffinity         virtualised (scheduling::getaffinity, Never, "of a thread: the kernel knows none of ours");
    205 set_thread_area           passthrough (Absent);
    206 io_setup                  passthrough (Prompt);
    207 io_destroy                passthrough (Prompt);
    208 io_getevents              offloaded   (queues::io_getevents, Never, "no readiness to poll");
    209 io_submit                 passthrough (Disk);
    210 io_cancel                 passthrough (Prompt);
    211 get_thread_area           passthrough (Absent);
    212 lookup_dcookie            passthrough (System);
    213 epoll_create              passthrough (Prompt);
    214 epoll_ctl_old             passthrough (Prompt);
    215 epoll_wait_old            passthrough (Prompt);
    216 remap_file_pages          passthrough (Memory);
    217 getdents64                passthrough (Disk);
    218 set_tid_address           virtualised (identity::set_tid_address, Never, "the thread's own id");
    219 restart_syscall           passthrough (Prompt);
    220 semtimedop                offloaded   (queues::semtimedop, Never, "no readiness to poll");
    221 fadvise64                 passthrough (Disk);
    222 timer_create              virtualised (signal::timers::timer_create, Never, "timers that signal a thread");
    223 timer_settime             passthrough (Prompt);
    224 timer_gettime             passthrough (Prompt);
    225 timer_getoverrun          virtualised (signal::timers::timer_getoverrun, Never, "a signal that waits here stands for several of the kernel's");
    226 timer_delete              virtualised (signal::timers::timer_delete, Never, "timers that signal a thread");
    227 clock_settime             virtualised (cpu_time::clock_settime, Never, "CPU clocks of threads");
    228 clock_gettime             virtualised (cpu_time::clock_gettime, Never, "CPU clocks of threads");
    229 clock_getres              virtualised (cpu_time::clock_getres, Never, "CPU clocks of threads");
    230 clock_nanosleep           cooperative (time::clock_nanosleep, Never, "a deadline among ours");
    231 exit_group                virtualised (exit::exit_group, Never, "the report, then the kernel");
    232 epoll_wait                cooperative (epoll::epoll_wait, Never, "parks on the program's epoll, then asks it without waiting");
    233 epoll_ctl                 passthrough (Prompt);
    234 tgkill                    virtualised (signal::calls::tgkill, Never, "to threads of ours past the kernel, to others through it");
    235 utimes                    passthrough (Disk);
    236 vserver                   passthrough (Absent);
    237 mbind                     passthrough (Memory);
    238 set_mempolicy             virtualised (kernel_state::binds, Never, "an OS thread's: the thread is bound to one");
    239 get_mempolicy             passthrough (Prompt);
    240 mq_open                   passthrough (Prompt);
    241 mq_unlink                 passthrough (Prompt);
    242 mq_timedsend              offloaded   (queues::mq_timedsend, Flag, "no readiness without O_NONBLOCK on the queue");
    243 mq_timedreceive           offloaded   (queues::mq_timedreceive, Flag, "no readiness without O_NONBLOCK on the queue");
    244 mq_notify                 passthrough (Prompt);
    245 mq_getsetattr             passthrough (Prompt);
    246 kexec_load                passthrough (System);
    247 waitid                    offloaded   (wait::waitid, Flag, "children end when they like");
    248 add_key                   virtualised (kernel_state::keys, Never, "keyrings of a thread: the thread is bound to one");
    249 request_key               virtualised (kernel_state::keys, Never, "keyrings of a thread: the thread is bound to one");
    250 keyctl                    virtualised (kernel_state::keys, Never, "keyrings of a thread: the thread is bound to one");
    251 ioprio_set                virtualised (kernel_state::ioprio_set, Never, "an OS thread's: the thread is bound to one");
    252 ioprio_get                passthrough (Prompt);
    253 inotify_init              passthrough (Prompt);
    254 inotify_add_watch         passthrough (Disk);
    255 inotify_rm_watch          passthrough (Prompt);
    256 migrate_pages             passthrough (Memory);
    257 openat                    offloaded   (files::openat, Flag, "a FIFO waits for its other end; files of /proc about a thread are virtual");
    258 mkdirat                   passthrough (Disk);
    259 mknodat                   passthrough (Disk);
    260 fchownat                  passthrough (Disk);
    261 futimesat                 passthrough (Disk);
    262 newfstatat                passthrough (Disk);
    263 unlinkat                  passthrough (Disk);
    264 renameat                  passthrough (Disk);
    265 linkat                    passthrough (Disk);
    266 symlinkat                 passthrough (Disk);
    267 readlinkat                passthrough (Disk);
    268 fchmodat                  passthrough (Disk);
    269 faccessat                 passthrough (Disk);
    270 pselect6                  cooperative (select::pselect6, Never, "parks on every descriptor, then asks the kernel without waiting");
    271 ppoll                     cooperative (poll::ppoll, Never, "parks on every descriptor, then asks the kernel without waiting");
    272 unshare                   virtualised (kernel_state::unshare, Never, "namespaces are an OS thread's: the thread is bound to one");
    273 set_robust_list           virtualised (identity::set_robust_list, Never, "kept per thread, walked at its death");
    274 get_robust_list           virtualised (identity::get_robust_list, Never, "kept per thread, walked at its death");
    275 splice                    cooperative (io::splice::splice, Flag, "parks until a pipe or socket is ready; a helper where the kernel may wait for a file");
    276 tee                       cooperative (io::splice::tee, Flag, "parks until the pipe is ready");
    277 sync_file_range           passthrough (Disk);
    278 vmsplice                  cooperative (io::splice::vmsplice, Flag, "parks until the pipe is ready");
    279 move_pages                passthrough (Memory);
    280 utimensat                 passthrough (Disk);
    281 epoll_pwait               cooperative (epoll::epoll_pwait, Never, "parks on the program's epoll, then asks it without waiting");
    282 signalfd                  virtualised (signal::calls::signalfd, Never, "what it reads must be left to the kernel");
    283 timerfd_create            passthrough (Prompt);
    284 eventfd                   passthrough (Prompt);
    285 fallocate                 passthrough (Disk);
    286 timerfd_settime           passthrough (Prompt);
    287 timerfd_gettime           passthrough (Prompt);
    288 accept4                   cooperative (io::accept::accept4, Flag, "parks until a connection comes; a helper accepts where another process may take it first");
    289 signalfd4                 virtualised (signal::calls::signalfd, Never, "what it reads must be left to the kernel");
    290 eventfd2                  passthrough (Prompt);
    291 epoll_create1             passthrough (Prompt);
    292 dup3                      virtualised (fds::dup2, Never, "what is known of a descriptor goes with it");
    293 pipe2                     passthrough (Prompt);
    294 inotify_init1             passthrough (Prompt);
    295 preadv                    passthrough (Disk);
    296 pwritev                   passthrough (Disk);
    297 rt_tgsigqueueinfo         virtualised (signal::calls::rt_tgsigqueueinfo, Never, "to threads of ours past the kernel, to others through it");
    298 perf_event_open           virtualised (kernel_state::perf_event_open, Never, "counts for an OS thread: the thread is bound to one");
    299 recvmmsg                  cooperative (io::many::recvmmsg, Flag, "parks until there is data");
    300 fanotify_init             passthrough (Prompt);
    301 fanotify_mark             passthrough (Disk);
    302 prlimit64                 virtualised (limits::prlimit64, Never, "RLIMIT_AS: reserved address space is given back");
    303 name_to_handle_at         passthrough (Disk);
    304 open_by_handle_at         passthrough (Disk);
    305 clock_adjtime             passthrough (Process);
    306 syncfs                    offloaded   (files::sync, Flag, "waits for a disk");
    307 sendmmsg                  cooperative (io::many::sendmmsg, Flag, "parks until there is room");
    308 setns                     virtualised (kernel_state::binds, Never, "namespaces are an OS thread's: the thread is bound to one");
    309 getcpu                    passthrough (Prompt);
    310 process_vm_readv          passthrough (Memory);
    311 process_vm_writev         passthrough (Memory);
    312 kcmp                      passthrough (Prompt);
    313 finit_module              passthrough (System);
    314 sched_setattr             virtualised (scheduling::setattr, Never, "a thread's own binds it, so that children inherit it; another's is kept");
    315 sched_getattr             virtualised (scheduling::getattr, Never, "of a thread: the kernel knows none of ours");
    316 renameat2                 passthrough (Disk);
    317 seccomp                   virtualised (kernel_state::seccomp, Never, "a filter is an OS thread's, or with TSYNC everybody's: the thread is bound to one");
    318 getrandom                 passthrough (Prompt);
    319 memfd_create              passthrough (Prompt);
    320 kexec_file_load           passthrough (System);
    321 bpf                       passthrough (Prompt);
    322 execveat                  virtualised (process::execve, Never, "the caller's signal mask is the process's first");
    323 userfaultfd               passthrough (Prompt);
    324 membarrier                passthrough (Prompt);
    325 mlock2                    passthrough (Memory);
    326 copy_file_range           passthrough (Disk);
    327 preadv2                   cooperative (io::transfer::preadv2, Flag, "parks until there is data");
    328 pwritev2                  cooperative (io::transfer::pwritev2, Flag, "parks until there is room");
    329 pkey_mprotect             passthrough (Memory);
    330 pkey_alloc                passthrough (OsThread);
    331 pkey_free                 passthrough (Prompt);
    332 statx                     passthrough (Disk);
    333 io_pgetevents             offloaded   (queues::io_getevents, Never, "no readiness to poll");
    334 rseq                      refused     (identity::rseq, Never, "would name the CPU of an OS thread to a thread that moves; libc takes ENOSYS for an old kernel");
    424 pidfd_send_signal         passthrough (Prompt);
    425 io_uring_setup            passthrough (Prompt);
    426 io_uring_enter            cooperative (uring::io_uring_enter, Never, "parks until the ring has completions; by a helper where it has no descriptor of its own");
    427 io_uring_register         passthrough (Prompt);
    428 open_tree                 passthrough (System);
    429 move_mount                passthrough (System);
    430 fsopen                    passthrough (System);
    431 fsconfig                  passthrough (System);
    432 fsmount                   passthrough (System);
    433 fspick                    passthrough (System);
    434 pidfd_open                passthrough (Prompt);
    435 clone3                    virtualised (clone::clone3, Never, "libc's threads become records; a child of fork has the caller only");
    436 close_range               virtualised (fds::close_range, Never, "who waits on it goes on; the engine's own are kept");
    437 openat2                   offloaded   (files::openat2, Flag, "a FIFO waits for its other end");
    438 pidfd_getfd               passthrough (Prompt);
    439 faccessat2                passthrough (Disk);
    440 process_madvise           passthrough (Memory);
    441 epoll_pwait2              cooperative (epoll::epoll_pwait2, Never, "parks on the program's epoll, then asks it without waiting");
    442 mount_setattr             passthrough (System);
    443 quotactl_fd               passthrough (System);
    444 landlock_create_ruleset   passthrough (Prompt);
    445 landlock_add_rule         passthrough (Prompt);
    446 landlock_restrict_self    virtualised (kernel_state::binds, Never, "an OS thread's: the thread is bound to one");
    447 memfd_secret              passthrough (Prompt);
    448 process_mrelease          passthrough (Memory);
    449 futex_waitv               cooperative (futex::waitv, Flag, "as futex, on several words");
    450 set_mempolicy_home_node   passthrough (Memory);
    451 cachestat                 passthrough (Prompt);
    452 fchmodat2                 passthrough (Disk);
    453 map_shadow_stack          passthrough (Memory);
    454 futex_wake                refused     (refused, Never, "would pass the engine's waiters by; futex(2) does the same");
    455 futex_wait                refused     (refused, Never, "would pass the engine's waiters by; futex(2) does the same");
    456 futex_requeue             refused     (refused, Never, "would pass the engine's waiters by; futex(2) does the same");
    457 statmount                 passthrough (Prompt);
    458 listmount                 passthrough (Prompt);
    459 lsm_get_self_attr         passthrough (Prompt);
    460 lsm_set_self_attr         virtualised (kernel_state::binds, Never, "an OS thread's: the thread is bound to one");
    461 lsm_list_modules          passthrough (Prompt);
    462 mseal                     passthrough (Memory);
    463 setxattrat                passthrough (Disk);
    464 getxattrat                passthrough (Disk);
    465 listxattrat               passthrough (Disk);
    466 removexattrat             passthrough (Disk);
    467 open_tree_attr            passthrough (System);
    468 file_getattr              passthrough (Disk);
    469 file_setattr              passthrough (Disk);
}

#[cfg(test)]
mod reach;
#[cfg(test)]
mod tests;
