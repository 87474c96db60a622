// Pointers to memory that is not there: EFAULT from each blocking call, whether it has to wait or not, and the process
// lives on; the data that could not be delivered is still there where the kernel keeps it.
#include "net.h"
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

static void *hole;
static int channel[2], pair[2];

static void *errs(void *unused) {
    struct iovec part = {hole, 10};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1}, bad_vector = {.msg_iov = hole, .msg_iovlen = 1};
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event), 0);

    FAILS(read(channel[0], hole, 10), EFAULT);
    FAILS(syscall(SYS_write, channel[1], hole, 10), EFAULT);
    FAILS(readv(channel[0], &part, 1), EFAULT);
    FAILS(readv(channel[0], hole, 1), EFAULT);
    FAILS(writev(channel[1], hole, 1), EFAULT);
    FAILS(recv(pair[0], hole, 10, 0), EFAULT);
    FAILS(syscall(SYS_sendto, pair[1], hole, 10, 0, NULL, 0), EFAULT);
    FAILS(recvmsg(pair[0], &message, 0), EFAULT);
    FAILS(recvmsg(pair[0], &bad_vector, 0), EFAULT);
    FAILS(syscall(SYS_recvmsg, pair[0], hole, 0), EFAULT);
    FAILS(syscall(SYS_sendmsg, pair[1], hole, 0), EFAULT);
    FAILS(syscall(SYS_recvmmsg, pair[0], hole, 1, 0, NULL), EFAULT);
    FAILS(syscall(SYS_connect, pair[0], hole, 16), EFAULT);
    FAILS(syscall(SYS_poll, hole, 1, -1), EFAULT);
    FAILS(syscall(SYS_ppoll, NULL, 0, hole, NULL, 8), EFAULT);
    FAILS(syscall(SYS_select, 10, hole, NULL, NULL, NULL), EFAULT);
    FAILS(syscall(SYS_pselect6, 0, NULL, NULL, NULL, hole, NULL), EFAULT);
    FAILS(syscall(SYS_epoll_wait, epoll, hole, 1, -1), EFAULT);
    FAILS(syscall(SYS_wait4, -1, hole, WNOHANG, hole), ECHILD);
    FAILS(syscall(SYS_rt_sigtimedwait, hole, NULL, NULL, 8), EFAULT);
    FAILS(syscall(SYS_rt_sigprocmask, SIG_BLOCK, hole, NULL, 8), EFAULT);
    close(epoll);
    return unused;
}

int main(void) {
    char buffer[20];
    hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_EQ(pipe(channel), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(write(channel[1], "pipe", 4), 4);
    CHECK_EQ(write(pair[1], "pair", 4), 4);
    join(start(errs, NULL));
    errs(NULL);
    CHECK_EQ(read(channel[0], buffer, sizeof buffer), 4);
    CHECK_EQ(memcmp(buffer, "pipe", 4), 0);
    CHECK_EQ(read(pair[0], buffer, sizeof buffer), 4);
    CHECK_EQ(memcmp(buffer, "pair", 4), 0);
    puts("ok");
    return 0;
}
