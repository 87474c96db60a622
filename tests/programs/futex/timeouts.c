// FUTEX_WAIT takes a relative time, FUTEX_WAIT_BITSET an absolute one on either clock: ETIMEDOUT, never too early.
#include "futex.h"

static uint32_t word;

static void *times_out(void *unused) {
    int64_t began = now_ns(CLOCK_MONOTONIC);
    struct timespec time = from_ns(20000000);
    FAILS(futex(&word, FUTEX_WAIT_PRIVATE, 0, &time, NULL, 0), ETIMEDOUT);
    CHECK(now_ns(CLOCK_MONOTONIC) - began >= 20000000);
    time = from_ns(0);
    FAILS(futex(&word, FUTEX_WAIT_PRIVATE, 0, &time, NULL, 0), ETIMEDOUT);

    int64_t deadline = now_ns(CLOCK_MONOTONIC) + 20000000;
    time = from_ns(deadline);
    FAILS(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &time, NULL, ~0U), ETIMEDOUT);
    CHECK(now_ns(CLOCK_MONOTONIC) >= deadline);

    deadline = now_ns(CLOCK_REALTIME) + 20000000;
    time = from_ns(deadline);
    FAILS(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &time, NULL, ~0U), ETIMEDOUT);
    CHECK(now_ns(CLOCK_REALTIME) >= deadline);
    time = from_ns(1);
    FAILS(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &time, NULL, ~0U), ETIMEDOUT);
    // The value is compared first.
    FAILS(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 1, &time, NULL, ~0U), EAGAIN);
    return unused;
}

int main(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) threads[i] = start(times_out, NULL);
    for (int i = 0; i < 4; i++) join(threads[i]);
    puts("ok");
    return 0;
}
