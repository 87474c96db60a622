// poll, ppoll, select, pselect: zero, finite and infinite timeouts, negative and closed descriptors, hang-up, and a
// wake-up by another thread.
#include "net.h"
#include <signal.h>
#include <sys/select.h>

static int channel[2], silent[2];

static void *writes(void *unused) {
    let_others_block();
    CHECK_EQ(write(channel[1], "x", 1), 1);
    return unused;
}

static void *waits_for_nothing(void *unused) {
    fd_set set;
    struct pollfd one = {.fd = silent[0], .events = POLLIN};
    for (int kind = 0; kind < 6; kind++) {
        struct timespec time = from_ns(20000000);
        struct timeval wait = {.tv_usec = 20000};
        int64_t began = now_ns(CLOCK_MONOTONIC);
        FD_ZERO(&set);
        FD_SET(silent[0], &set);
        int result = kind == 0   ? poll(&one, 1, 20)
                     : kind == 1 ? ppoll(&one, 1, &time, NULL)
                     : kind == 2 ? select(silent[0] + 1, &set, NULL, NULL, &wait)
                     : kind == 3 ? pselect(silent[0] + 1, &set, NULL, NULL, &time, NULL)
                     : kind == 4 ? poll(NULL, 0, 20)
                                 : select(0, NULL, NULL, NULL, &wait);
        CHECK_EQ(result, 0);
        CHECK(now_ns(CLOCK_MONOTONIC) - began >= 20000000);
        if (kind == 2 || kind == 3) CHECK(!FD_ISSET(silent[0], &set));
        // Linux tells select's caller what is left.
        if (kind == 2 || kind == 5) CHECK(wait.tv_sec == 0 && wait.tv_usec == 0);
        if (kind == 1 || kind == 3) CHECK_EQ(time.tv_nsec, 20000000);
    }
    return unused;
}

int main(void) {
    char byte;
    fd_set reading, writing;
    pthread_t threads[4], writer;
    CHECK_EQ(pipe(channel), 0);
    CHECK_EQ(pipe(silent), 0);
    for (int i = 0; i < 4; i++) threads[i] = start(waits_for_nothing, NULL);

    struct pollfd set[] = {{.fd = -1, .events = POLLIN},
                           {.fd = channel[0], .events = POLLIN},
                           {.fd = 999, .events = POLLIN},
                           {.fd = channel[1], .events = POLLOUT}};
    CHECK_EQ(poll(set, 2, 0), 0);
    CHECK_EQ(poll(set, 4, -1), 2);
    CHECK_EQ(set[0].revents, 0);
    CHECK_EQ(set[2].revents, POLLNVAL);
    CHECK_EQ(set[3].revents, POLLOUT);
    writer = start(writes, NULL);
    CHECK_EQ(poll(set, 2, -1), 1);
    CHECK_EQ(set[1].revents, POLLIN);
    CHECK_EQ(read(channel[0], &byte, 1), 1);
    join(writer);

    writer = start(writes, NULL);
    CHECK_EQ(ppoll(set, 2, NULL, NULL), 1);
    CHECK_EQ(read(channel[0], &byte, 1), 1);
    join(writer);

    FD_ZERO(&reading);
    FD_ZERO(&writing);
    FD_SET(channel[0], &reading);
    FD_SET(silent[0], &reading);
    writer = start(writes, NULL);
    CHECK_EQ(select(100, &reading, NULL, NULL, NULL), 1);
    CHECK(FD_ISSET(channel[0], &reading) && !FD_ISSET(silent[0], &reading));
    join(writer);
    FD_SET(channel[1], &writing);
    CHECK_EQ(pselect(100, &reading, &writing, NULL, NULL, NULL), 2);
    CHECK_EQ(read(channel[0], &byte, 1), 1);
    FD_ZERO(&reading);
    int closed = dup(channel[0]);
    CHECK_EQ(close(closed), 0);
    FD_SET(closed, &reading);
    FAILS(select(closed + 1, &reading, NULL, NULL, NULL), EBADF);
    struct timeval negative = {.tv_sec = -1};
    FAILS(select(0, NULL, NULL, NULL, &negative), EINVAL);
    struct timespec large = {.tv_nsec = 1000000000};
    FAILS(ppoll(set, 2, &large, NULL), EINVAL);

    close(channel[1]);
    CHECK_EQ(poll(set + 1, 1, -1), 1);
    CHECK_EQ(set[1].revents, POLLHUP);
    for (int i = 0; i < 4; i++) join(threads[i]);
    puts("ok");
    return 0;
}
