// Several threads poll the same two thousand descriptors; one becomes ready and all of them see which.
#include "net.h"
#include <sys/eventfd.h>
#include <sys/resource.h>

enum { COUNT = 2000, THREADS = 5 };

static int fds[COUNT];
static pthread_barrier_t barrier;

static void *polls(void *unused) {
    struct pollfd *set = calloc(COUNT, sizeof *set);
    for (int i = 0; i < COUNT; i++) set[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    for (int round = 0; round < 20; round++) {
        pthread_barrier_wait(&barrier);
        CHECK_EQ(poll(set, COUNT, -1), 1);
        for (int i = 0; i < COUNT; i++) CHECK_EQ(set[i].revents, i == round * 97 % COUNT ? POLLIN : 0);
        pthread_barrier_wait(&barrier);
        // main takes the event away before the next round.
        pthread_barrier_wait(&barrier);
    }
    free(set);
    return unused;
}

int main(void) {
    struct rlimit limit;
    uint64_t value = 1;
    pthread_t threads[THREADS];
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < COUNT + 100) {
        limit.rlim_cur = COUNT + 100;
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    for (int i = 0; i < COUNT; i++) CHECK((fds[i] = eventfd(0, 0)) >= 0);
    OK(pthread_barrier_init(&barrier, NULL, THREADS + 1));
    for (int i = 0; i < THREADS; i++) threads[i] = start(polls, NULL);
    for (int round = 0; round < 20; round++) {
        pthread_barrier_wait(&barrier);
        CHECK_EQ(write(fds[round * 97 % COUNT], &value, sizeof value), sizeof value);
        pthread_barrier_wait(&barrier);
        CHECK_EQ(read(fds[round * 97 % COUNT], &value, sizeof value), sizeof value);
        pthread_barrier_wait(&barrier);
    }
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    puts("ok");
    return 0;
}
