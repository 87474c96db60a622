// pthread_mutex_timedlock and clocklock on both clocks: not before the deadline, at once when it is past, EINVAL; and a
// lock that comes free in time is taken.
#include "../check.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *gives_up(void *argument) {
    clockid_t clock = (clockid_t)(intptr_t)argument;
    int64_t deadline = now_ns(clock) + 20000000;
    struct timespec time = from_ns(deadline), past = from_ns(1), wrong = {.tv_sec = 1, .tv_nsec = -1};
    CHECK_EQ(pthread_mutex_clocklock(&mutex, clock, &time), ETIMEDOUT);
    CHECK(now_ns(clock) >= deadline);
    CHECK_EQ(pthread_mutex_clocklock(&mutex, clock, &past), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_clocklock(&mutex, clock, &wrong), EINVAL);
    return NULL;
}

static void *gets_it(void *barrier) {
    pthread_barrier_wait(barrier);
    struct timespec time = from_ns(now_ns(CLOCK_REALTIME) + 10000000000LL);
    OK(pthread_mutex_timedlock(&mutex, &time));
    OK(pthread_mutex_unlock(&mutex));
    return NULL;
}

int main(void) {
    pthread_barrier_t barrier;
    OK(pthread_barrier_init(&barrier, NULL, 2));
    OK(pthread_mutex_lock(&mutex));
    pthread_t realtime = start(gives_up, (void *)CLOCK_REALTIME), monotonic = start(gives_up, (void *)CLOCK_MONOTONIC);
    join(realtime);
    join(monotonic);
    pthread_t patient = start(gets_it, &barrier);
    pthread_barrier_wait(&barrier);
    let_others_block();
    OK(pthread_mutex_unlock(&mutex));
    join(patient);
    puts("ok");
    return 0;
}
