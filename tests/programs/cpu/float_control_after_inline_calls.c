// Threads with different rounding modes make inline system calls amid their floating point, compute until they are
// preempted, and call libc: each has its own mode and its own values after all of that.
// harness: libs=-lm
#include "../check.h"
#include <fenv.h>
#include <sys/syscall.h>

enum { THREADS = 8, ROUNDS = 6 };

static long inline_call(long number) {
    __asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
    return number;
}

static unsigned control(void) {
    unsigned mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return mxcsr & ~0x3fU; // without the flags, which say what has happened
}

static void compute(double *value) {
    int64_t end = now_ns(CLOCK_MONOTONIC) + 10000000;
    while (now_ns(CLOCK_MONOTONIC) < end)
        for (int i = 0; i < 1000; i++) *value = *value * 0.999 + 1.0 / 3.0;
}

static void *rounds(void *argument) {
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    CHECK_EQ(fesetround(modes[(intptr_t)argument % 4]), 0);
    unsigned own = control();
    double value = 1;
    for (int round = 0; round < ROUNDS; round++) {
        CHECK_EQ(inline_call(SYS_gettid), gettid());
        CHECK_EQ(control(), own);
        compute(&value);
        CHECK_EQ(control(), own);
        CHECK(gettid() > 0);
        CHECK_EQ(control(), own);
        inline_call(SYS_sched_yield);
        CHECK_EQ(control(), own);
        let_others_run();
        CHECK_EQ(control(), own);
    }
    CHECK(value > 300 && value < 340);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++) threads[i] = start(rounds, (void *)i);
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    puts("ok");
    return 0;
}
