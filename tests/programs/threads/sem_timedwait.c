// sem_timedwait and sem_clockwait: never before the deadline, at once when it is past or a token is there, EINVAL.
#include "../check.h"
#include <semaphore.h>

static sem_t empty, filled;

static void *waits(void *argument) {
    clockid_t clock = (clockid_t)(intptr_t)argument;
    for (int i = 1; i <= 3; i++) {
        int64_t deadline = now_ns(clock) + i * 10000000LL;
        struct timespec time = from_ns(deadline);
        FAILS(sem_clockwait(&empty, clock, &time), ETIMEDOUT);
        CHECK(now_ns(clock) >= deadline);
    }
    struct timespec past = from_ns(now_ns(clock) - 1000000000LL), wrong = {.tv_sec = 1, .tv_nsec = 1000000000};
    FAILS(sem_clockwait(&empty, clock, &past), ETIMEDOUT);
    FAILS(sem_clockwait(&empty, clock, &wrong), EINVAL);
    CHECK_EQ(sem_clockwait(&filled, clock, &past), 0);
    return NULL;
}

int main(void) {
    CHECK_EQ(sem_init(&empty, 0, 0), 0);
    CHECK_EQ(sem_init(&filled, 0, 3), 0);
    pthread_t realtime = start(waits, (void *)CLOCK_REALTIME), monotonic = start(waits, (void *)CLOCK_MONOTONIC);
    struct timespec later = from_ns(now_ns(CLOCK_REALTIME) + 10000000000LL);
    join(realtime);
    join(monotonic);
    CHECK_EQ(sem_timedwait(&filled, &later), 0);
    puts("ok");
    return 0;
}
