//! Functions that may block and are not hooked, each with the reason.

/// Functions that are left out for one reason.
#[derive(Clone, Copy, Debug)]
pub struct LeftOut {
    /// Their names.
    pub functions: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// What is not hooked. A coroutine that calls one of these and has to wait holds its thread up.
pub const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        functions: &[
            "pthread_mutex_lock",
            "pthread_mutex_timedlock",
            "pthread_mutex_clocklock",
            "pthread_cond_wait",
            "pthread_cond_timedwait",
            "pthread_cond_clockwait",
            "pthread_rwlock_rdlock",
            "pthread_rwlock_wrlock",
            "pthread_barrier_wait",
            "pthread_join",
            "pthread_timedjoin_np",
            "pthread_clockjoin_np",
            "pthread_spin_lock",
            "pthread_once",
            "sem_wait",
            "sem_timedwait",
            "sem_clockwait",
            "mtx_lock",
            "mtx_timedlock",
            "cnd_wait",
            "cnd_timedwait",
            "thrd_join",
            "call_once",
        ],
        reason: "wait in a futex that libc calls from within; and what they lock belongs to the thread, which all its coroutines are",
    },
    LeftOut {
        functions: &[
            "fread",
            "fwrite",
            "fgets",
            "getline",
            "fputs",
            "printf",
            "fflush",
            "fclose",
            "getc",
            "putc",
            "puts",
            "scanf",
            "flockfile",
        ],
        reason: "libc calls its own read and write without the symbol, while it holds the stream's lock for the thread",
    },
    LeftOut {
        functions: &[
            "getaddrinfo",
            "gethostbyname",
            "gethostbyaddr",
            "getnameinfo",
            "res_query",
            "getpwnam",
            "getgrnam",
            "syslog",
        ],
        reason: "libc calls its own socket functions without the symbols",
    },
    LeftOut {
        functions: &["system", "popen", "pclose", "posix_spawn", "posix_spawnp", "wordexp"],
        reason: "libc starts the process and waits for it without the symbols",
    },
    LeftOut {
        functions: &["sigwait", "sigwaitinfo", "sigtimedwait", "sigsuspend", "sigpause", "pause"],
        reason: "wait for signals of the thread, whose mask all its coroutines share; signalfd(2) and read yield",
    },
    LeftOut {
        functions: &["sendmmsg", "recvmmsg"],
        reason: "their time-out and partial results are not those of one message after the other",
    },
    LeftOut {
        functions: &[
            "flock",
            "lockf",
            "fcntl",
            "ioctl",
            "tcdrain",
            "msgrcv",
            "msgsnd",
            "semop",
            "semtimedop",
            "mq_send",
            "mq_receive",
            "mq_timedsend",
            "mq_timedreceive",
        ],
        reason: "have no form that tells when to try again",
    },
    LeftOut {
        functions: &[
            "pread",
            "pwrite",
            "preadv",
            "pwritev",
            "preadv2",
            "pwritev2",
            "sendfile",
            "copy_file_range",
            "fsync",
            "fdatasync",
            "sync",
            "readdir",
            "open",
            "openat",
            "creat",
            "close",
            "stat",
            "rename",
            "unlink",
        ],
        reason: "are about files, which have no readiness to wait for",
    },
    LeftOut {
        functions: &["splice", "tee", "vmsplice", "aio_suspend", "lio_listio", "getrandom", "io_getevents"],
        reason: "are rare in programs that are not built around an event loop",
    },
    LeftOut {
        functions: &["syscall"],
        reason: "goes below every function of libc, hooked or not; a linked program's hook serves futex, for std's locks",
    },
];

#[cfg(test)]
mod tests {
    use super::LEFT_OUT;
    use crate::hooks::SYMBOLS;

    #[test]
    fn a_function_is_hooked_or_left_out_once() {
        let mut all: Vec<_> = LEFT_OUT.iter().flat_map(|l| l.functions).chain(SYMBOLS).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
