// Mutexes with priority inheritance: exclusion under contention, deadlock with oneself, timed waits, conditions on them.
#include "../check.h"

enum { COUNT = 10, ROUNDS = 200 };

static pthread_mutex_t mutex;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long total;
static int opened;

static void *adds(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_mutex_lock(&mutex));
        long seen = total;
        if (i % 20 == 0) let_others_run();
        total = seen + 1;
        OK(pthread_mutex_unlock(&mutex));
    }
    OK(pthread_mutex_lock(&mutex));
    while (!opened) OK(pthread_cond_wait(&changed, &mutex));
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

static void *gives_up(void *unused) {
    int64_t deadline = now_ns(CLOCK_REALTIME) + 20000000;
    struct timespec time = from_ns(deadline);
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &time), ETIMEDOUT);
    CHECK(now_ns(CLOCK_REALTIME) >= deadline);
    CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    return unused;
}

int main(void) {
    pthread_t threads[COUNT];
    pthread_mutexattr_t attributes;
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    OK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK));
    OK(pthread_mutex_init(&mutex, &attributes));
    OK(pthread_mutex_lock(&mutex));
    CHECK_EQ(pthread_mutex_lock(&mutex), EDEADLK);
    join(start(gives_up, NULL));
    for (int i = 0; i < COUNT; i++) threads[i] = start(adds, NULL);
    OK(pthread_mutex_unlock(&mutex));
    for (int all = 0; !all;) {
        OK(pthread_mutex_lock(&mutex));
        all = total == COUNT * ROUNDS;
        if (all) opened = 1;
        OK(pthread_mutex_unlock(&mutex));
        let_others_run();
    }
    OK(pthread_cond_broadcast(&changed));
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    OK(pthread_mutex_destroy(&mutex));
    printf("total %ld\n", total);
    return 0;
}
