// Bad pointers in every call that the engine serves, argument by argument: no memory there, none that may be written, an
// object that begins in good memory and ends in none, NULL. What the kernel answers is right, to the letter: results and
// errors are printed and compared with the native ones.
//
// A row is a call with one argument replaced by the bad pointer, `BAD`. Descriptors are fresh for each, with something to
// read and room to write, so that nothing waits. runtime/src/abi/table/tests.rs looks here for each call.
// harness: kernel-threads=+40
#include "../check.h"
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { READ, WRITE, STREAM, PEER, DATAGRAM, DATAGRAM_PEER, LISTENER, EPOLL, FILE_, CHILD, FDS };
static int fds[FDS];
static char *pages, buffer[64];

// Arguments that stand for descriptors, made anew for each call.
enum { FD = 0x7fd00000, BAD = 0x7fb00000 };

struct row {
    const char *name;
    long number, arguments[6];
};

#define ROW(call, ...) {#call, SYS_##call, {__VA_ARGS__}}
#define A(object) ((long)&(object))

static struct pollfd ready = {.events = POLLOUT};
static struct timespec none, moment = {.tv_nsec = 1};
static struct timeval no_time;
static struct iovec part = {buffer, 8};
static struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
static struct mmsghdr messages = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
static sigset_t no_signals, one_signal;
static struct epoll_event event;
static unsigned word = 1;
static loff_t offset;
static int number;
static socklen_t length = 16;
static char fifo_less[] = "/dev/null";

static struct row rows[] = {
    ROW(read, FD + READ, BAD, 8),
    ROW(readv, FD + READ, BAD, 1),
    ROW(preadv2, FD + FILE_, BAD, 1, 0, 0, 0),
    ROW(write, FD + WRITE, BAD, 8),
    ROW(writev, FD + WRITE, BAD, 1),
    ROW(pwritev2, FD + FILE_, BAD, 1, 0, 0, 0),
    ROW(recvfrom, FD + STREAM, BAD, 8, 0, 0, 0),
    ROW(recvfrom, FD + DATAGRAM, BAD, 4, 0, 0, 0),
    ROW(recvfrom, FD + DATAGRAM, A(buffer), 4, 0, BAD, A(length)),
    ROW(recvfrom, FD + DATAGRAM, A(buffer), 4, 0, A(buffer), BAD),
    ROW(recvmsg, FD + STREAM, BAD, 0),
    ROW(recvmmsg, FD + STREAM, BAD, 1, MSG_DONTWAIT, 0),
    ROW(recvmmsg, FD + STREAM, A(messages), 1, 0, BAD),
    ROW(sendto, FD + STREAM, BAD, 8, 0, 0, 0),
    ROW(sendto, FD + DATAGRAM, BAD, 8, 0, 0, 0),
    ROW(sendto, FD + DATAGRAM, A(buffer), 8, 0, BAD, 16),
    ROW(sendmsg, FD + STREAM, BAD, 0),
    ROW(sendmmsg, FD + STREAM, BAD, 1, 0),
    ROW(accept, FD + STREAM, BAD, A(length)),
    ROW(accept4, FD + STREAM, A(buffer), BAD, 0),
    ROW(connect, FD + STREAM, BAD, 16),
    ROW(connect, FD + DATAGRAM, BAD, 16),
    ROW(socketpair, AF_UNIX, SOCK_STREAM, 0, BAD),
    ROW(setsockopt, FD + STREAM, SOL_SOCKET, SO_RCVTIMEO, BAD, 16),
    ROW(setsockopt, FD + STREAM, SOL_SOCKET, SO_SNDBUF, BAD, 4),
    ROW(sendfile, FD + WRITE, FD + FILE_, BAD, 4),
    ROW(splice, FD + FILE_, BAD, FD + WRITE, 0, 4, 0),
    ROW(splice, FD + READ, 0, FD + FILE_, BAD, 4, 0),
    ROW(vmsplice, FD + WRITE, BAD, 1, 0),
    ROW(poll, BAD, 1, 0),
    ROW(ppoll, BAD, 1, A(none), 0, 8),
    ROW(ppoll, A(ready), 1, A(none), BAD, 8),
    ROW(select, 4, BAD, 0, 0, A(no_time)),
    ROW(select, 4, 0, BAD, 0, A(no_time)),
    ROW(select, 4, 0, 0, BAD, A(no_time)),
    ROW(pselect6, 4, BAD, 0, 0, A(none), 0),
    ROW(pselect6, 4, 0, BAD, 0, A(none), 0),
    ROW(pselect6, 4, 0, 0, BAD, A(none), 0),
    ROW(pselect6, 0, 0, 0, 0, A(none), BAD),
    ROW(epoll_wait, FD + EPOLL, BAD, 1, 0),
    ROW(epoll_pwait, FD + EPOLL, BAD, 1, 0, 0, 8),
    ROW(epoll_pwait, FD + EPOLL, A(event), 1, 0, BAD, 8),
    ROW(epoll_pwait2, FD + EPOLL, BAD, 1, A(none), 0, 8),
    ROW(epoll_pwait2, FD + EPOLL, A(event), 1, BAD, 0, 8),
    ROW(epoll_pwait2, FD + EPOLL, A(event), 1, A(none), BAD, 8),
    ROW(nanosleep, BAD, 0),
    ROW(nanosleep, A(moment), BAD),
    ROW(clock_nanosleep, CLOCK_MONOTONIC, 0, BAD, 0),
    ROW(clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, BAD, 0),
    ROW(clock_nanosleep, CLOCK_MONOTONIC, 0, A(moment), BAD),
    ROW(clock_gettime, CLOCK_THREAD_CPUTIME_ID, BAD),
    ROW(clock_gettime, CLOCK_MONOTONIC, BAD),
    ROW(clock_getres, CLOCK_THREAD_CPUTIME_ID, BAD),
    ROW(clock_settime, CLOCK_THREAD_CPUTIME_ID, BAD),
    ROW(getrusage, RUSAGE_THREAD, BAD),
    ROW(futex, BAD, FUTEX_WAIT_PRIVATE, 77, 0),
    ROW(futex, BAD, FUTEX_WAIT, 77, 0),
    ROW(futex, BAD, FUTEX_WAKE, 1),
    ROW(futex, A(word), FUTEX_WAIT_PRIVATE, 0, BAD),
    ROW(futex, BAD, FUTEX_WAIT_BITSET_PRIVATE, 77, 0, 0, 1),
    ROW(futex, BAD, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, A(word), 77),
    ROW(futex, A(word), FUTEX_WAKE_OP_PRIVATE, 1, 1, BAD, FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 77)),
    ROW(futex_waitv, BAD, 1, 0, 0, CLOCK_MONOTONIC),
    ROW(setrlimit, RLIMIT_CORE, BAD),
    ROW(prlimit64, 0, RLIMIT_CORE, BAD, 0),
    ROW(prlimit64, 0, RLIMIT_CORE, 0, BAD),
    ROW(io_getevents, BAD, 0, 1, A(buffer), A(none)),
    {"io_pgetevents", 333, {BAD, 0, 1, A(buffer), A(none), 0}},
    ROW(wait4, FD + CHILD, BAD, 0, 0),
    ROW(wait4, FD + CHILD, A(number), 0, BAD),
    ROW(waitid, P_PID, FD + CHILD, BAD, WEXITED, 0),
    ROW(waitid, P_PID, FD + CHILD, A(buffer), WEXITED, BAD),
    ROW(fcntl, FD + FILE_, F_SETLKW, BAD),
    ROW(fcntl, FD + FILE_, F_GETLK, BAD),
    ROW(ioctl, FD + READ, FIONBIO, BAD),
    ROW(ioctl, FD + READ, FIONREAD, BAD),
    ROW(open, BAD, O_RDONLY),
    ROW(openat, AT_FDCWD, BAD, O_RDONLY),
    ROW(creat, BAD, 0600),
    ROW(openat2, AT_FDCWD, A(fifo_less), BAD, 24),
    ROW(openat2, AT_FDCWD, BAD, A(buffer), 24),
    ROW(msgsnd, -1, BAD, 4, 04000),
    ROW(msgrcv, -1, BAD, 4, 0, 04000),
    ROW(semop, -1, BAD, 1),
    ROW(semtimedop, -1, BAD, 1, A(none)),
    ROW(semtimedop, -1, A(buffer), 1, BAD),
    ROW(mq_timedsend, -1, BAD, 4, 0, A(none)),
    ROW(mq_timedsend, -1, A(buffer), 4, 0, BAD),
    ROW(mq_timedreceive, -1, BAD, 4, 0, A(none)),
    ROW(mq_timedreceive, -1, A(buffer), 4, 0, BAD),
    ROW(clone3, BAD, 88),
    ROW(execve, BAD, 0, 0),
    ROW(execve, A(fifo_less), BAD, 0),
    ROW(execveat, AT_FDCWD, BAD, 0, 0, 0),
    ROW(get_robust_list, 0, BAD, A(offset)),
    ROW(get_robust_list, 0, A(offset), BAD),
    ROW(prctl, PR_SET_NAME, BAD),
    ROW(prctl, PR_GET_NAME, BAD),
    ROW(setgroups, 1, BAD),
    ROW(sched_setaffinity, 0, 8, BAD),
    ROW(sched_getaffinity, 0, 128, BAD),
    ROW(sched_setparam, 0, BAD),
    ROW(sched_getparam, 0, BAD),
    ROW(sched_setscheduler, 0, SCHED_OTHER, BAD),
    ROW(sched_getattr, 0, BAD, 56, 0),
    ROW(sched_setattr, 0, BAD, 0),
    ROW(sched_rr_get_interval, 0, BAD),
    ROW(rt_sigaction, SIGUSR2, BAD, 0, 8),
    ROW(rt_sigaction, SIGUSR2, 0, BAD, 8),
    ROW(rt_sigprocmask, SIG_BLOCK, BAD, 0, 8),
    ROW(rt_sigprocmask, SIG_BLOCK, A(no_signals), BAD, 8),
    ROW(rt_sigpending, BAD, 8),
    ROW(rt_sigsuspend, BAD, 4),
    ROW(rt_sigtimedwait, BAD, 0, A(none), 8),
    ROW(rt_sigtimedwait, A(one_signal), BAD, A(none), 8),
    ROW(rt_sigtimedwait, A(one_signal), A(buffer), BAD, 8),
    ROW(rt_sigqueueinfo, 0, SIGUSR2, BAD),
    ROW(rt_tgsigqueueinfo, 0, 0, SIGUSR2, BAD),
    ROW(sigaltstack, BAD, 0),
    ROW(sigaltstack, 0, BAD),
    ROW(signalfd, -1, BAD, 8),
    ROW(signalfd4, -1, BAD, 8, 0),
    ROW(timer_create, CLOCK_MONOTONIC, BAD, A(number)),
    ROW(timer_create, CLOCK_MONOTONIC, 0, BAD),
    ROW(capset, BAD, A(buffer)),
    ROW(request_key, BAD, 0, 0, 0),
    ROW(add_key, BAD, 0, 0, 0, 0),
    ROW(keyctl, 1, BAD),
    ROW(set_mempolicy, 2, BAD, 64),
    ROW(seccomp, 1, 4, BAD),
    {"lsm_set_self_attr", 460, {0, BAD, 32, 0}},
    ROW(perf_event_open, BAD, 0, -1, -1, 0),
    ROW(ptrace, 3, 1, 0, BAD),
    ROW(arch_prctl, 0x1003, BAD),
};

static void *bad_pointer(int kind) {
    long page = sysconf(_SC_PAGESIZE);
    switch (kind) {
    case 0: return NULL;
    case 1: return pages + page;                      // nothing may be done there
    case 2: return pages + 2 * page;                  // may only be read
    case 3: return pages + page - 4;                  // begins well
    default: return (void *)0xffff800000000000;       // the kernel's
    }
}

static void open_all(void) {
    int two[2];
    CHECK_EQ(pipe(fds + READ), 0);
    CHECK_EQ(write(fds[WRITE], "01234567", 8), 8);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, two), 0);
    fds[STREAM] = two[0], fds[PEER] = two[1];
    CHECK_EQ(write(fds[PEER], "01234567", 8), 8);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, two), 0);
    fds[DATAGRAM] = two[0], fds[DATAGRAM_PEER] = two[1];
    CHECK_EQ(write(fds[DATAGRAM_PEER], "01234567", 8), 8);
    fds[LISTENER] = socket(AF_UNIX, SOCK_STREAM, 0);
    fds[EPOLL] = epoll_create1(0);
    event.events = EPOLLIN;
    CHECK_EQ(epoll_ctl(fds[EPOLL], EPOLL_CTL_ADD, fds[READ], &event), 0);
    fds[FILE_] = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    CHECK_EQ(write(fds[FILE_], "01234567", 8), 8);
    CHECK_EQ(lseek(fds[FILE_], 0, SEEK_SET), 0);
    ready.fd = fds[WRITE];
}

static void close_all(void) {
    for (int i = 0; i < CHILD; i++) CHECK_EQ(close(fds[i]), 0);
}

static void *sleeps(void *until) {
    CHECK_EQ(sem_wait(until), 0);
    return NULL;
}

static void *tries_all(void *unused) {
    static const char *const kinds[] = {"null", "nothing", "read-only", "straddling", "kernel's"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        printf("%s(", rows[i].name);
        for (int n = 0; n < 6; n++) printf("%s", rows[i].arguments[n] == BAD ? "*" : ".");
        printf("):");
        for (int kind = 0; kind < 5; kind++) {
            // What may be read is all zero: to clone3, a fork.
            if (rows[i].number == SYS_clone3 && kind == 2) continue;
            // No limit, no end.
            if (rows[i].number == SYS_rt_sigtimedwait && rows[i].arguments[2] == BAD && kind == 0) continue;
            long a[6];
            int child = 0;
            open_all();
            memset(pages + sysconf(_SC_PAGESIZE) - 8, 0, 8);
            memset(buffer, 0, sizeof buffer);
            length = 16, offset = 0, word = 1;
            message.msg_namelen = messages.msg_hdr.msg_namelen = 0;
            for (int n = 0; n < 6; n++) {
                a[n] = rows[i].arguments[n];
                if (a[n] == FD + CHILD) {
                    child = fork();
                    if (child == 0) _exit(0);
                    siginfo_t info;
                    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
                    a[n] = child;
                } else if (a[n] >= FD && a[n] < FD + FDS) a[n] = fds[a[n] - FD];
                else if (a[n] == BAD) a[n] = (long)bad_pointer(kind);
            }
            errno = 0;
            long result = syscall(rows[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
            printf(" %s ", kinds[kind]);
            if (result < 0) printf("%s", strerrorname_np(errno));
            else printf("%s", result == 0 ? "0" : result == child ? "child" : "more");
            if (child != 0) waitpid(child, NULL, 0);
            if (result > 2 && (strstr(rows[i].name, "signalfd") || strstr(rows[i].name, "open"))) close((int)result);
            close_all();
        }
        printf("\n");
    }
    return unused;
}

int main(void) {
    sem_t until;
    long page = sysconf(_SC_PAGESIZE);
    setvbuf(stdout, NULL, _IOLBF, 0);
    pages = mmap(NULL, 3 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    CHECK_EQ(mprotect(pages + page, (size_t)page, PROT_NONE), 0);
    CHECK_EQ(mprotect(pages + 2 * page, (size_t)page, PROT_READ), 0);
    sigemptyset(&no_signals);
    sigemptyset(&one_signal);
    sigaddset(&one_signal, SIGUSR2);
    CHECK_EQ(sem_init(&until, 0, 0), 0);
    CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    pthread_t sleeper = start(sleeps, &until);
    join(start(tries_all, NULL));
    CHECK_EQ(sem_post(&until), 0);
    join(sleeper);
    return 0;
}
