// Invalid times, clocks, flags and pointers; a deadline that is past returns at once.
#include "../check.h"
#include <sys/syscall.h>

static void *errs(void *unused) {
    struct timespec large = {.tv_sec = 0, .tv_nsec = 1000000000}, negative = {.tv_sec = -1, .tv_nsec = 0};
    struct timespec below = {.tv_sec = 1, .tv_nsec = -1}, zero = {0, 0}, fine = {.tv_sec = 0, .tv_nsec = 1};
    FAILS(nanosleep(&large, NULL), EINVAL);
    FAILS(nanosleep(&negative, NULL), EINVAL);
    FAILS(nanosleep(&below, NULL), EINVAL);
    FAILS(syscall(SYS_nanosleep, (void *)8, NULL), EFAULT);
    FAILS(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (void *)8, NULL), EFAULT);
    CHECK_EQ(nanosleep(&zero, NULL), 0);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &large, NULL), EINVAL);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &negative, NULL), EINVAL);
    CHECK_EQ(clock_nanosleep(99, 0, &fine, NULL), EINVAL);
    CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &fine, NULL), EINVAL);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &fine, NULL), ENOTSUP);
    struct timespec past = from_ns(1);
    OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL));
    OK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL));
    OK(clock_nanosleep(CLOCK_BOOTTIME, 0, &fine, NULL));
    OK(clock_nanosleep(CLOCK_TAI, 0, &fine, NULL));
    return unused;
}

int main(void) {
    join(start(errs, NULL));
    errs(NULL);
    puts("ok");
    return 0;
}
