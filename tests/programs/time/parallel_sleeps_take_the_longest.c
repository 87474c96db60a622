// Fifty threads sleep 10, 20, .. 500 ms: they end in that order, and all within little more than the longest.
#include "../check.h"

enum { COUNT = 50 };

static int64_t began, woke[COUNT];

static void *sleeps(void *argument) {
    intptr_t own = (intptr_t)argument;
    struct timespec time = from_ns(began + (own + 1) * 10000000LL);
    OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL));
    woke[own] = now_ns(CLOCK_MONOTONIC);
    return NULL;
}

int main(void) {
    pthread_t threads[COUNT];
    began = now_ns(CLOCK_MONOTONIC);
    for (intptr_t i = COUNT - 1; i >= 0; i--) threads[i] = start(sleeps, (void *)i);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    for (int i = 0; i < COUNT; i++) CHECK(woke[i] >= began + (i + 1) * 10000000LL);
    // One after the other would be 12.75 s.
    CHECK(now_ns(CLOCK_MONOTONIC) - began < 6000000000LL);
    puts("ok");
    return 0;
}
