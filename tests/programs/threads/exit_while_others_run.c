// exit() from a thread while main is blocked and others compute: handlers run once, the status is right.
// harness: exit=7
#include "../check.h"

static volatile unsigned long counter;
static pthread_barrier_t barrier;

static void *computes(void *unused) {
    pthread_barrier_wait(&barrier);
    for (;;) counter++;
    return unused;
}

static void *exits(void *unused UNUSED) {
    pthread_barrier_wait(&barrier);
    exit(7);
}

static void at_exit(void) { puts("atexit runs"); }

int main(void) {
    CHECK_EQ(atexit(at_exit), 0);
    OK(pthread_barrier_init(&barrier, NULL, 4));
    pthread_t computing = start(computes, NULL);
    start(computes, NULL);
    start(exits, NULL);
    pthread_barrier_wait(&barrier);
    join(computing);
}
