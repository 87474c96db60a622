// pthread_tryjoin_np, pthread_timedjoin_np and pthread_clockjoin_np: EBUSY, ETIMEDOUT, and success when the thread ends.
#include "../check.h"

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *waits(void *argument) {
    OK(pthread_mutex_lock(&gate));
    OK(pthread_mutex_unlock(&gate));
    return argument;
}

int main(void) {
    pthread_t threads[3];
    void *result;
    OK(pthread_mutex_lock(&gate));
    for (intptr_t i = 0; i < 3; i++) threads[i] = start(waits, (void *)(i + 1));
    CHECK_EQ(pthread_tryjoin_np(threads[0], &result), EBUSY);
    int64_t deadline = now_ns(CLOCK_REALTIME) + 20000000;
    struct timespec time = from_ns(deadline);
    CHECK_EQ(pthread_timedjoin_np(threads[1], &result, &time), ETIMEDOUT);
    CHECK(now_ns(CLOCK_REALTIME) >= deadline);
    deadline = now_ns(CLOCK_MONOTONIC) + 20000000;
    time = from_ns(deadline);
    CHECK_EQ(pthread_clockjoin_np(threads[2], &result, CLOCK_MONOTONIC, &time), ETIMEDOUT);
    CHECK(now_ns(CLOCK_MONOTONIC) >= deadline);
    OK(pthread_mutex_unlock(&gate));
    int error;
    while ((error = pthread_tryjoin_np(threads[0], &result)) == EBUSY) let_others_run();
    OK(error);
    CHECK_EQ((intptr_t)result, 1);
    time = from_ns(now_ns(CLOCK_REALTIME) + 10000000000LL);
    OK(pthread_timedjoin_np(threads[1], &result, &time));
    CHECK_EQ((intptr_t)result, 2);
    time = from_ns(now_ns(CLOCK_MONOTONIC) + 10000000000LL);
    OK(pthread_clockjoin_np(threads[2], &result, CLOCK_MONOTONIC, &time));
    CHECK_EQ((intptr_t)result, 3);
    CHECK_EQ(pthread_join(pthread_self(), &result), EDEADLK);
    puts("ok");
    return 0;
}
