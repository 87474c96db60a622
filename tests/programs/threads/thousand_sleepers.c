// A thousand threads sleep at the same time: together they take about as long as one. The sleep is the subject.
#include "../check.h"

enum { COUNT = 1000, SLEEP_MS = 100 };

static void *sleeps(void *argument) {
    struct timespec time = from_ns(SLEEP_MS * 1000000LL);
    CHECK_EQ(nanosleep(&time, NULL), 0);
    return argument;
}

int main(void) {
    static pthread_t threads[COUNT];
    int64_t began = now_ns(CLOCK_MONOTONIC);
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(sleeps, (void *)i);
    for (intptr_t i = 0; i < COUNT; i++) CHECK_EQ((intptr_t)join(threads[i]), i);
    int64_t took = now_ns(CLOCK_MONOTONIC) - began;
    CHECK(took >= SLEEP_MS * 1000000LL);
    // One after the other would be 100 s.
    CHECK(took < 10 * 1000000000LL);
    puts("all slept at once");
    return 0;
}
