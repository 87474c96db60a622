// harness: kernel-threads=+12
// Threads get stuck and go on again and again, while others take locks, sleep and pass messages through a pipe: nobody is
// lost, whoever runs whom.
#include "stuck.h"

enum { STUCK = 4, ROUNDS = 12, PASSERS = 4 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long shared;
static int ends[2], stop;

static void *gets_stuck(void *first) {
    for (int i = 0; i < ROUNDS; i++) {
        int page = (int)(intptr_t)first + i * STUCK;
        CHECK_EQ(((volatile char *)pages)[(size_t)page * PAGE], 'x');
        OK(pthread_mutex_lock(&mutex));
        shared++;
        OK(pthread_mutex_unlock(&mutex));
    }
    return NULL;
}

static void *serves(void *unused) {
    for (int i = 0; i < STUCK * ROUNDS; i++) {
        int page = next_fault();
        struct timespec time = from_ns(1000000 * (1 + page % 7));
        nanosleep(&time, NULL);
        let_go(page, 'x');
    }
    return unused;
}

static void *passes(void *sum) {
    char byte;
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        CHECK_EQ(write(ends[1], "y", 1), 1);
        CHECK_EQ(read(ends[0], &byte, 1), 1);
        OK(pthread_mutex_lock(&mutex));
        shared++;
        OK(pthread_mutex_unlock(&mutex));
        ++*(long *)sum;
        let_others_run();
    }
    return NULL;
}

int main(void) {
    make_pages(STUCK * ROUNDS);
    CHECK_EQ(pipe(ends), 0);
    pthread_t server = start(serves, NULL), stuck[STUCK], passers[PASSERS];
    static long sums[PASSERS];
    for (int i = 0; i < PASSERS; i++) passers[i] = start(passes, &sums[i]);
    for (int i = 0; i < STUCK; i++) stuck[i] = start(gets_stuck, (void *)(intptr_t)i);
    for (int i = 0; i < STUCK; i++) join(stuck[i]);
    join(server);
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    long sum = STUCK * ROUNDS;
    for (int i = 0; i < PASSERS; i++) {
        join(passers[i]);
        sum += sums[i];
    }
    CHECK_EQ(shared, sum);
    puts("done");
    return 0;
}
