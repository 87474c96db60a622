// Timed waits on conditions: realtime, monotonic by attribute, and pthread_cond_clockwait; the mutex is held afterwards.
#include "../check.h"

static void times_out(clockid_t clock, int by_call) {
    pthread_mutexattr_t checking;
    pthread_mutex_t mutex;
    pthread_condattr_t attributes;
    pthread_cond_t condition;
    OK(pthread_mutexattr_init(&checking));
    OK(pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK));
    OK(pthread_mutex_init(&mutex, &checking));
    OK(pthread_condattr_init(&attributes));
    if (!by_call) OK(pthread_condattr_setclock(&attributes, clock));
    OK(pthread_cond_init(&condition, &attributes));
    OK(pthread_mutex_lock(&mutex));
    int64_t deadline = now_ns(clock) + 20000000;
    struct timespec time = from_ns(deadline), past = from_ns(0), wrong = {.tv_sec = 0, .tv_nsec = 1000000000};
    int result;
    // A spurious wake-up is allowed.
    do {
        result = by_call ? pthread_cond_clockwait(&condition, &mutex, clock, &time)
                         : pthread_cond_timedwait(&condition, &mutex, &time);
    } while (result == 0);
    CHECK_EQ(result, ETIMEDOUT);
    CHECK(now_ns(clock) >= deadline);
    CHECK_EQ(by_call ? pthread_cond_clockwait(&condition, &mutex, clock, &past)
                     : pthread_cond_timedwait(&condition, &mutex, &past),
             ETIMEDOUT);
    CHECK_EQ(by_call ? pthread_cond_clockwait(&condition, &mutex, clock, &wrong)
                     : pthread_cond_timedwait(&condition, &mutex, &wrong),
             EINVAL);
    OK(pthread_mutex_unlock(&mutex));
    OK(pthread_cond_destroy(&condition));
    OK(pthread_mutex_destroy(&mutex));
}

static void *all_kinds(void *unused) {
    times_out(CLOCK_REALTIME, 0);
    times_out(CLOCK_MONOTONIC, 0);
    times_out(CLOCK_REALTIME, 1);
    times_out(CLOCK_MONOTONIC, 1);
    return unused;
}

int main(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) threads[i] = start(all_kinds, NULL);
    for (int i = 0; i < 4; i++) join(threads[i]);
    puts("ok");
    return 0;
}
