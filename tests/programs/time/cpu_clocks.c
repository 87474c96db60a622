// CLOCK_THREAD_CPUTIME_ID and pthread_getcpuclockid count what a thread computes, and not what it sleeps or others do.
#include "../check.h"

static volatile int stop;

static void *computes(void *unused UNUSED) {
    int64_t began = now_ns(CLOCK_THREAD_CPUTIME_ID);
    while (now_ns(CLOCK_THREAD_CPUTIME_ID) - began < 30000000) {
    }
    return NULL;
}

static void *burns(void *unused) {
    while (!stop) {
    }
    return unused;
}

static void *sleeps(void *unused) {
    int64_t began = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < 20; i++) usleep(5000);
    // 100 ms and more went by.
    CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) - began < 50000000);
    return unused;
}

int main(void) {
    clockid_t clock;
    int64_t before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    pthread_t burner = start(burns, NULL), sleeper = start(sleeps, NULL), computer = start(computes, NULL);
    OK(pthread_getcpuclockid(burner, &clock));
    int64_t first = now_ns(clock);
    while (now_ns(clock) - first < 20000000) usleep(1000);
    join(sleeper);
    join(computer);
    stop = 1;
    join(burner);
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) - before >= 50000000);
    puts("ok");
    return 0;
}
