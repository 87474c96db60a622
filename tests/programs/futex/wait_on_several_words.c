// futex_waitv sleeps on several words and tells which one woke it; its errors and its timeout.
#include "futex.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

static uint32_t words[3];

static long wait_on_all(uint32_t expected, const struct timespec *deadline) {
    struct futex_waitv waiters[3];
    memset(waiters, 0, sizeof waiters);
    for (int i = 0; i < 3; i++) {
        waiters[i].uaddr = (uintptr_t)&words[i];
        waiters[i].val = expected;
        waiters[i].flags = FUTEX_32 | FUTEX_PRIVATE_FLAG;
    }
    return syscall(SYS_futex_waitv, waiters, 3, 0, deadline, CLOCK_MONOTONIC);
}

static void *waits(void *unused UNUSED) { return (void *)wait_on_all(0, NULL); }

int main(void) {
    for (intptr_t i = 0; i < 3; i++) {
        pthread_t thread = start(waits, NULL);
        UNTIL(1, futex(&words[i], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
        CHECK_EQ((intptr_t)join(thread), i);
        for (int j = 0; j < 3; j++) CHECK_EQ(futex(&words[j], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
    }
    struct timespec time = from_ns(now_ns(CLOCK_MONOTONIC) + 20000000);
    FAILS(wait_on_all(0, &time), ETIMEDOUT);
    FAILS(wait_on_all(1, NULL), EAGAIN);
    FAILS(syscall(SYS_futex_waitv, NULL, 0, 0, NULL, CLOCK_MONOTONIC), EINVAL);
    puts("ok");
    return 0;
}
