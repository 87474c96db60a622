// SIGPIPE goes to the thread that wrote: handled there, ignored, blocked and pending there, avoided by MSG_NOSIGNAL.
#include "../io/net.h"
#include <signal.h>

static volatile sig_atomic_t handled;
static __thread int writer;
static volatile int wrong;

static void handler(int signal UNUSED) {
    if (!writer) wrong = 1;
    handled++;
}

static void *writes(void *unused) {
    int channel[2], pair[2];
    sigset_t set, pending;
    struct timespec zero = {0, 0};
    writer = 1;
    CHECK_EQ(pipe(channel), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    close(channel[0]);
    close(pair[0]);
    FAILS(write(channel[1], "x", 1), EPIPE);
    CHECK_EQ(handled, 1);
    FAILS(send(pair[1], "x", 1, 0), EPIPE);
    CHECK_EQ(handled, 2);
    FAILS(send(pair[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(handled, 2);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    FAILS(write(channel[1], "x", 1), EPIPE);
    CHECK_EQ(handled, 2);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGPIPE));
    CHECK_EQ(sigtimedwait(&set, NULL, &zero), SIGPIPE);
    OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
    CHECK_EQ(handled, 2);
    signal(SIGPIPE, SIG_IGN);
    FAILS(write(channel[1], "x", 1), EPIPE);
    CHECK_EQ(handled, 2);
    return unused;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    CHECK_EQ(sigaction(SIGPIPE, &action, NULL), 0);
    join(start(writes, NULL));
    CHECK(!wrong);
    puts("ok");
    return 0;
}
