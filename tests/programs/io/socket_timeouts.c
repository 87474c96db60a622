// SO_RCVTIMEO and SO_SNDTIMEO: EAGAIN after the time, not before, in recv, read, accept and send; connect knows it too.
#include "net.h"
#include <sys/time.h>

static int64_t limit_ns = 50000000;

static void *times_out(void *unused) {
    int pair[2];
    char buffer[65536];
    struct sockaddr_in address;
    struct timeval limit = {.tv_usec = (suseconds_t)(limit_ns / 1000)};
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    int64_t began = now_ns(CLOCK_MONOTONIC);
    FAILS(recv(pair[0], buffer, 1, 0), EAGAIN);
    // The kernel counts in jiffies: up to 10 ms less are left to it.
    CHECK(now_ns(CLOCK_MONOTONIC) - began >= limit_ns - 10000000);
    began = now_ns(CLOCK_MONOTONIC);
    FAILS(read(pair[0], buffer, 1), EAGAIN);
    CHECK(now_ns(CLOCK_MONOTONIC) - began >= limit_ns - 10000000);
    ssize_t count;
    while ((count = send(pair[0], buffer, sizeof buffer, 0)) > 0) {
    }
    CHECK(count == -1 && errno == EAGAIN);
    int listener = tcp_listener(&address, 1);
    CHECK_EQ(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    began = now_ns(CLOCK_MONOTONIC);
    FAILS(accept(listener, NULL, NULL), EAGAIN);
    CHECK(now_ns(CLOCK_MONOTONIC) - began >= limit_ns - 10000000);
    // Without a limit again, it waits.
    CHECK_EQ(write(pair[1], "x", 1), 1);
    CHECK_EQ(recv(pair[0], buffer, 1, 0), 1);
    close(pair[0]);
    close(pair[1]);
    close(listener);
    return unused;
}

int main(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) threads[i] = start(times_out, NULL);
    for (int i = 0; i < 4; i++) join(threads[i]);
    puts("ok");
    return 0;
}
