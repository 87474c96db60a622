// Rounding mode, exception masks and flags, flush-to-zero and x87 precision belong to the thread: they survive calls
// that switch and loops that are preempted, and a new thread inherits its maker's.
// harness: libs=-lm
#include "../check.h"
#include <fenv.h>

enum { COUNT = 8 };

static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

static unsigned mxcsr(void) {
    unsigned value;
    __asm__ volatile("stmxcsr %0" : "=m"(value));
    // Without the sticky flags, which any computation sets.
    return value & ~0x3fU;
}

static unsigned short control_word(void) {
    unsigned short value;
    __asm__ volatile("fnstcw %0" : "=m"(value));
    return value;
}

static void *inherits(void *expected) {
    CHECK_EQ(mxcsr(), (uintptr_t)expected & 0xffff);
    CHECK_EQ(control_word(), (uintptr_t)expected >> 16);
    return NULL;
}

static void *computes(void *argument) {
    int own = (int)(intptr_t)argument;
    CHECK_EQ(fesetround(modes[own % 4]), 0);
    unsigned csr = mxcsr() | (own % 2 ? 0x8040 : 0);
    unsigned short word = (unsigned short)((control_word() & ~0x300) | (own % 3 == 0 ? 0x000 : own % 3 == 1 ? 0x200 : 0x300));
    __asm__ volatile("ldmxcsr %0" ::"m"(csr));
    __asm__ volatile("fldcw %0" ::"m"(word));
    for (int i = 0; i < 30; i++) {
        for (volatile int spin = 0; spin < 200000; spin++) {
        }
        CHECK_EQ(mxcsr(), csr);
        CHECK_EQ(control_word(), word);
        if (i % 3 == 0) usleep(100);
        if (i % 3 == 1) let_others_run();
        CHECK_EQ(mxcsr(), csr);
        CHECK_EQ(control_word(), word);
        CHECK_EQ(fegetround(), modes[own % 4]);
        volatile double one = 1.0, three = 3.0;
        double third = one / three;
        CHECK(own % 4 == 1 ? third > 0.33333333333333331 : third <= 0.33333333333333337);
    }
    join(start(inherits, (void *)((uintptr_t)csr | (uintptr_t)word << 16)));
    return NULL;
}

int main(void) {
    pthread_t threads[COUNT];
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(computes, (void *)i);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    CHECK_EQ(fegetround(), FE_TONEAREST);
    puts("ok");
    return 0;
}
