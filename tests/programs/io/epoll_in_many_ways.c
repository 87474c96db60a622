// epoll_wait, epoll_pwait, epoll_pwait2: level and edge triggered, one-shot, exclusive, nested, changed while waited on.
#include "net.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int epoll, channel[2];

static void add(int to, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    CHECK_EQ(epoll_ctl(to, EPOLL_CTL_ADD, fd, &event), 0);
}

static void *writes(void *unused) {
    let_others_block();
    CHECK_EQ(write(channel[1], "x", 1), 1);
    return unused;
}

static void *adds_a_ready_one(void *fd) {
    let_others_block();
    add(epoll, (int)(intptr_t)fd, EPOLLIN);
    return NULL;
}

static void *times_out(void *unused) {
    struct epoll_event event;
    int empty = epoll_create1(EPOLL_CLOEXEC);
    for (int kind = 0; kind < 3; kind++) {
        struct timespec time = from_ns(20000000);
        int64_t began = now_ns(CLOCK_MONOTONIC);
        CHECK_EQ(kind == 0   ? epoll_wait(empty, &event, 1, 20)
                 : kind == 1 ? epoll_pwait(empty, &event, 1, 20, NULL)
                             : epoll_pwait2(empty, &event, 1, &time, NULL),
                 0);
        CHECK(now_ns(CLOCK_MONOTONIC) - began >= 20000000);
    }
    close(empty);
    return unused;
}

static int wakes(int fd) {
    struct epoll_event event = {.data.fd = -1};
    int count = epoll_wait(fd, &event, 1, 0);
    return count == 1 ? event.data.fd : -count - 1;
}

static int exclusive_event;

static void *waits_exclusively(void *unused) {
    struct epoll_event event;
    uint64_t value;
    int own = epoll_create1(0);
    add(own, exclusive_event, EPOLLIN | EPOLLEXCLUSIVE);
    CHECK_EQ(epoll_wait(own, &event, 1, -1), 1);
    CHECK_EQ(read(exclusive_event, &value, sizeof value), sizeof value);
    close(own);
    return unused;
}

int main(void) {
    char byte;
    struct epoll_event event;
    pthread_t timed[4], thread;
    for (int i = 0; i < 4; i++) timed[i] = start(times_out, NULL);
    CHECK_EQ(pipe(channel), 0);
    epoll = epoll_create1(0);
    add(epoll, channel[0], EPOLLIN);
    CHECK_EQ(wakes(epoll), -1);
    thread = start(writes, NULL);
    CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
    CHECK_EQ(event.data.fd, channel[0]);
    join(thread);
    // Level triggered: still there. Then edge: once for each change.
    CHECK_EQ(wakes(epoll), channel[0]);
    event = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.fd = channel[0]};
    CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_MOD, channel[0], &event), 0);
    CHECK_EQ(wakes(epoll), channel[0]);
    CHECK_EQ(wakes(epoll), -1);
    thread = start(writes, NULL);
    CHECK_EQ(epoll_pwait(epoll, &event, 1, -1, NULL), 1);
    join(thread);
    CHECK_EQ(wakes(epoll), -1);
    event = (struct epoll_event){.events = EPOLLIN | EPOLLONESHOT, .data.fd = channel[0]};
    CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_MOD, channel[0], &event), 0);
    CHECK_EQ(wakes(epoll), channel[0]);
    thread = start(writes, NULL);
    join(thread);
    CHECK_EQ(wakes(epoll), -1);
    for (int i = 0; i < 3; i++) CHECK_EQ(read(channel[0], &byte, 1), 1);
    CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_DEL, channel[0], NULL), 0);

    // Nested: the outer one is ready when the inner one is, for poll and epoll.
    int outer = epoll_create1(0);
    add(outer, epoll, EPOLLIN);
    add(epoll, channel[0], EPOLLIN);
    thread = start(writes, NULL);
    CHECK_EQ(epoll_wait(outer, &event, 1, -1), 1);
    CHECK_EQ(event.data.fd, epoll);
    join(thread);
    CHECK_EQ(read(channel[0], &byte, 1), 1);
    thread = start(writes, NULL);
    struct pollfd one = {.fd = outer, .events = POLLIN};
    CHECK_EQ(poll(&one, 1, -1), 1);
    join(thread);
    CHECK_EQ(read(channel[0], &byte, 1), 1);
    CHECK_EQ(wakes(outer), -1);

    // A ready descriptor is added while another thread waits.
    int ready = eventfd(1, 0);
    thread = start(adds_a_ready_one, (void *)(intptr_t)ready);
    CHECK_EQ(epoll_pwait2(epoll, &event, 1, NULL, NULL), 1);
    CHECK_EQ(event.data.fd, ready);
    join(thread);

    exclusive_event = eventfd(0, EFD_SEMAPHORE);
    pthread_t waiters[6];
    for (int i = 0; i < 6; i++) waiters[i] = start(waits_exclusively, NULL);
    uint64_t one_token = 1;
    let_others_block();
    // Each write wakes at least one that has not been woken yet.
    for (int i = 0; i < 6; i++) CHECK_EQ(write(exclusive_event, &one_token, sizeof one_token), sizeof one_token);
    for (int i = 0; i < 6; i++) join(waiters[i]);

    FAILS(epoll_wait(epoll, &event, 0, 0), EINVAL);
    FAILS(epoll_wait(channel[0], &event, 1, 0), EINVAL);
    FAILS(epoll_wait(999, &event, 1, 0), EBADF);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event), EINVAL);
    for (int i = 0; i < 4; i++) join(timed[i]);
    puts("ok");
    return 0;
}
