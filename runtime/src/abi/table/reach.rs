//! Every function of libc that can block comes to a system call that the table serves.
//!
//! The functions are listed by the name of their manual page, each with the calls it must come to; their other symbols
//! (fortify's `__read_chk`, `open64`, `__libc_..`, older versions) are found in libc's own list. From each the code is
//! followed through jumps and direct calls to `syscall` instructions, of which the number is what was last put into eax.
//! (That each of these can be patched is the business of tests/gate_scan.rs.)
//!
//! Not followed: calls by pointer. stdio comes to `read` and `write` by its tables, getaddrinfo by its modules.

use super::*;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

/// Functions, and the calls one of which they must come to.
const BLOCKING: &[(&[&str], &[&str])] = &[
    (&["read"], &["read"]),
    (&["readv"], &["readv"]),
    (&["preadv2"], &["preadv2"]),
    (&["write"], &["write"]),
    (&["writev"], &["writev"]),
    (&["pwritev2"], &["pwritev2"]),
    (&["recv", "recvfrom"], &["recvfrom"]),
    (&["recvmsg"], &["recvmsg"]),
    (&["recvmmsg"], &["recvmmsg"]),
    (&["send", "sendto"], &["sendto"]),
    (&["sendmsg"], &["sendmsg"]),
    (&["sendmmsg"], &["sendmmsg"]),
    (&["accept"], &["accept"]),
    (&["accept4"], &["accept4"]),
    (&["connect"], &["connect"]),
    (&["poll"], &["poll"]),
    (&["ppoll"], &["ppoll"]),
    (&["select", "pselect"], &["select", "pselect6"]),
    (&["epoll_wait"], &["epoll_wait"]),
    (&["epoll_pwait"], &["epoll_pwait"]),
    (&["epoll_pwait2"], &["epoll_pwait2"]),
    (&["sendfile"], &["sendfile"]),
    (&["splice"], &["splice"]),
    (&["tee"], &["tee"]),
    (&["vmsplice"], &["vmsplice"]),
    (&["nanosleep", "clock_nanosleep", "usleep", "sleep", "thrd_sleep"], &["clock_nanosleep"]),
    (&["sched_yield", "pthread_yield", "thrd_yield"], &["sched_yield"]),
    (&["pause"], &["pause"]),
    (&["sigsuspend", "sigpause"], &["rt_sigsuspend"]),
    (&["sigwait", "sigwaitinfo", "sigtimedwait"], &["rt_sigtimedwait"]),
    (&["wait", "waitpid", "wait3", "wait4"], &["wait4"]),
    (&["waitid"], &["waitid"]),
    (&["open", "openat", "creat"], &["open", "openat", "creat"]),
    (&["fcntl", "lockf"], &["fcntl"]),
    (&["flock"], &["flock"]),
    (&["fsync"], &["fsync"]),
    (&["fdatasync"], &["fdatasync"]),
    (&["sync"], &["sync"]),
    (&["syncfs"], &["syncfs"]),
    (&["ioctl", "tcdrain", "tcsendbreak", "tcsetattr"], &["ioctl"]),
    (&["msgsnd"], &["msgsnd"]),
    (&["msgrcv"], &["msgrcv"]),
    (&["semop"], &["semop", "semtimedop"]),
    (&["semtimedop"], &["semtimedop"]),
    (&["mq_send", "mq_timedsend"], &["mq_timedsend"]),
    (&["mq_receive", "mq_timedreceive"], &["mq_timedreceive"]),
    (&["close", "closefrom"], &["close", "close_range"]),
    (&["sem_wait", "sem_timedwait", "sem_clockwait", "sem_post"], &["futex"]),
    (&["pthread_mutex_lock", "pthread_mutex_timedlock", "pthread_mutex_clocklock", "pthread_mutex_unlock"], &["futex"]),
    (&["pthread_cond_wait", "pthread_cond_timedwait", "pthread_cond_clockwait"], &["futex"]),
    (&["pthread_cond_signal", "pthread_cond_broadcast"], &["futex"]),
    (&["pthread_rwlock_rdlock", "pthread_rwlock_timedrdlock", "pthread_rwlock_clockrdlock"], &["futex"]),
    (&["pthread_rwlock_wrlock", "pthread_rwlock_timedwrlock", "pthread_rwlock_clockwrlock"], &["futex"]),
    (&["pthread_barrier_wait", "pthread_once", "pthread_join", "pthread_timedjoin_np"], &["futex"]),
    (&["pthread_clockjoin_np", "thrd_join", "mtx_lock", "mtx_timedlock", "cnd_wait"], &["futex"]),
    (&["cnd_timedwait", "call_once", "aio_suspend"], &["futex"]),
];

/// Symbols that have such a name and do something else.
const OTHERS: &[&str] = &["__select_wrapper"];

/// Instructions to look at from one function, the nearest first: what lies beyond are the ways out of errors, from which
/// everything can be reached.
const MOST: usize = 4_000;

struct Libc {
    data: Vec<u8>,
    /// Virtual address, offset, size of what is mapped.
    segments: Vec<(u64, usize, usize)>,
    functions: Vec<(String, u64)>,
}

impl Libc {
    fn read() -> Libc {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let path =
            maps.lines().filter_map(|l| l.split_whitespace().nth(5)).find(|p| p.ends_with("/libc.so.6")).unwrap();
        let data = std::fs::read(path).unwrap();
        let file = object::File::parse(&*data).unwrap();
        let segments =
            file.segments().map(|s| (s.address(), s.file_range())).map(|(a, (o, n))| (a, o as usize, n as usize));
        let segments = segments.collect();
        let defined = file.dynamic_symbols().filter(|s| s.is_definition() && s.kind() == object::SymbolKind::Text);
        let functions = defined.map(|s| (s.name().unwrap().to_owned(), s.address())).collect();
        Libc { segments, functions, data }
    }

    fn code(&self, at: u64) -> Option<&[u8]> {
        let (from, offset, size) = *self.segments.iter().find(|(a, _, n)| (*a..a + *n as u64).contains(&at))?;
        let skip = (at - from) as usize;
        Some(&self.data[offset + skip..offset + size])
    }

    /// The numbers of the system calls that the code at `start` comes to.
    fn calls(&self, start: u64, most: usize) -> BTreeSet<usize> {
        let (mut found, mut seen, mut count) = (BTreeSet::new(), HashSet::new(), 0);
        let mut todo = VecDeque::from([(start, None)]);
        while let Some((at, number)) = todo.pop_front() {
            let Some(code) = self.code(at) else { continue };
            let (mut eax, mut decoder) = (number, Decoder::with_ip(64, code, at, DecoderOptions::NONE));
            for i in &mut decoder {
                if !seen.insert((i.ip(), eax)) || count == most {
                    break;
                }
                count += 1;
                eax = put_into_eax(&i, eax);
                match i.flow_control() {
                    FlowControl::Next if i.mnemonic() == Mnemonic::Syscall => found.extend(eax.take()),
                    FlowControl::Call if i.mnemonic() == Mnemonic::Syscall => found.extend(eax.take()),
                    FlowControl::Next => {}
                    FlowControl::ConditionalBranch | FlowControl::Call => todo.push_back((i.near_branch_target(), eax)),
                    FlowControl::UnconditionalBranch => {
                        todo.push_back((i.near_branch_target(), eax));
                        break;
                    }
                    FlowControl::IndirectCall => {}
                    _ => break,
                }
            }
        }
        found
    }
}

/// What is in eax behind an instruction, if it is a constant.
fn put_into_eax(i: &Instruction, before: Option<usize>) -> Option<usize> {
    if i.op_count() == 0 || i.op0_kind() != OpKind::Register || i.op0_register().full_register() != Register::RAX {
        return before;
    }
    match (i.mnemonic(), i.op1_kind()) {
        (Mnemonic::Mov, OpKind::Immediate32 | OpKind::Immediate32to64) => Some(i.immediate(1) as usize),
        (Mnemonic::Xor, OpKind::Register) if i.op1_register().full_register() == Register::RAX => Some(0),
        (Mnemonic::Cmp | Mnemonic::Test, _) => before,
        _ => None,
    }
}

/// The names under which libc has a function.
fn names(of: &str) -> Vec<String> {
    let mut all = Vec::new();
    for stem in [of.to_owned(), format!("{of}64")] {
        for name in
            ["S", "__S", "_S", "__libc_S", "__S_chk", "__S_2", "__S_cancel", "__S_nocancel", "__S_time64", "__xpg_S"]
        {
            all.push(name.replace('S', &stem));
        }
    }
    all
}

#[test]
fn every_function_of_libc_that_can_block_comes_to_a_call_that_is_served() {
    let libc = Libc::read();
    let mut by_name: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (name, at) in &libc.functions {
        by_name.entry(name).or_default().push(*at);
    }
    let mut checked = 0;
    for (functions, wanted) in BLOCKING {
        let wanted: Vec<&Call> = wanted.iter().map(|w| CALLS.iter().find(|c| c.name == *w).unwrap()).collect();
        for name in functions.iter().flat_map(|f| names(f)).filter(|n| !OTHERS.contains(&n.as_str())) {
            for at in by_name.get(name.as_str()).into_iter().flatten() {
                let calls = libc.calls(*at, MOST);
                let good = wanted.iter().any(|w| w.step.is_some() && calls.contains(&w.number));
                let reached: Vec<_> =
                    calls.iter().map(|n| CALLS.iter().find(|c| c.number == *n).map(|c| c.name)).collect();
                assert!(good, "{name} at {at:#x} comes to {reached:?}");
                checked += 1;
            }
        }
    }
    // glibc 2.36 has 181 of them.
    assert!(checked > 150, "{checked} functions were found");
}

#[test]
fn the_fortified_and_64_bit_ones_are_among_them() {
    let libc = Libc::read();
    for name in [
        "__read_chk",
        "__poll_chk",
        "__ppoll_chk",
        "__recv_chk",
        "__recvfrom_chk",
        "open64",
        "__open64_2",
        "__openat_2",
        "lockf64",
    ] {
        assert!(libc.functions.iter().any(|(n, _)| n == name), "{name}");
        assert!(BLOCKING.iter().any(|(f, _)| f.iter().any(|f| names(f).iter().any(|n| n == name))), "{name}");
    }
}

#[test]
fn what_libc_calls_is_in_the_table() {
    let libc = Libc::read();
    let mut all = BTreeSet::new();
    for (_, at) in &libc.functions {
        all.extend(libc.calls(*at, MOST / 10));
    }
    assert!(all.len() > 200, "{}", all.len());
    let unknown: Vec<_> = all.iter().filter(|n| !CALLS.iter().any(|c| c.number == **n)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn a_path_that_is_cut_is_noticed() {
    let libc = Libc::read();
    let (_, getpid) = libc.functions.iter().find(|(n, _)| n == "getpid").unwrap();
    assert_eq!(libc.calls(*getpid, MOST).into_iter().collect::<Vec<_>>(), [39]);
}
