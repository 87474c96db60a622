// main returns while threads are blocked in read, a mutex, a sleep and a join: the process ends at once.
// harness: exit=3
#include "../check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static int channel[2];

static void *in_read(void *unused) {
    char byte;
    pthread_barrier_wait(&barrier);
    CHECK(read(channel[0], &byte, 1) < 0);
    return unused;
}

static void *in_lock(void *unused) {
    pthread_barrier_wait(&barrier);
    pthread_mutex_lock(&lock);
    return unused;
}

static void *in_sleep(void *unused) {
    pthread_barrier_wait(&barrier);
    sleep(1000);
    return unused;
}

static void *in_join(void *unused) {
    pthread_t thread = start(in_sleep, unused);
    pthread_barrier_wait(&barrier);
    join(thread);
    return unused;
}

int main(void) {
    CHECK_EQ(pipe(channel), 0);
    OK(pthread_mutex_lock(&lock));
    OK(pthread_barrier_init(&barrier, NULL, 5));
    start(in_read, NULL);
    start(in_lock, NULL);
    start(in_join, NULL);
    pthread_barrier_wait(&barrier);
    puts("main returns");
    return 3;
}
