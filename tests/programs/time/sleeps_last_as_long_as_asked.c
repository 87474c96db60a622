// nanosleep, usleep, sleep and clock_nanosleep, relative and absolute, on both clocks: never shorter than asked.
#include "../check.h"

static void lasts(int64_t began, int64_t ns) { CHECK(now_ns(CLOCK_MONOTONIC) - began >= ns); }

static void *sleeps(void *unused) {
    for (int64_t ns = 1; ns <= 20000000; ns *= 20) {
        struct timespec time = from_ns(ns);
        int64_t began = now_ns(CLOCK_MONOTONIC);
        CHECK_EQ(nanosleep(&time, NULL), 0);
        lasts(began, ns);
        began = now_ns(CLOCK_MONOTONIC);
        OK(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL));
        lasts(began, ns);
        began = now_ns(CLOCK_MONOTONIC);
        time = from_ns(began + ns);
        OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL));
        lasts(began, ns);
        int64_t deadline = now_ns(CLOCK_REALTIME) + ns;
        time = from_ns(deadline);
        OK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL));
        CHECK(now_ns(CLOCK_REALTIME) >= deadline);
    }
    int64_t began = now_ns(CLOCK_MONOTONIC);
    CHECK_EQ(usleep(15000), 0);
    lasts(began, 15000000);
    began = now_ns(CLOCK_MONOTONIC);
    CHECK_EQ(sleep(1), 0);
    lasts(began, 1000000000);
    return unused;
}

int main(void) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) threads[i] = start(sleeps, NULL);
    for (int i = 0; i < 8; i++) join(threads[i]);
    puts("ok");
    return 0;
}
