// The futex system call itself, past every wrapper of libc, and a thread that waits in it.
#pragma once
#include "../check.h"
#include <linux/futex.h>
#include <sys/syscall.h>

UNUSED static long futex(void *word, int operation, uint32_t value, const void *timeout, void *second, uint32_t third) {
    return syscall(SYS_futex, word, operation, value, timeout, second, third);
}

// Calls a wake-like operation again until `count` threads have been affected: those not yet asleep come later.
#define UNTIL(count, call)                                \
    do {                                                  \
        for (long affected_ = 0; affected_ < (count);) {  \
            long result_ = (call);                        \
            CHECK(result_ >= 0);                          \
            affected_ += result_;                         \
            CHECK(affected_ <= (count));                  \
            if (result_ == 0) let_others_run();              \
        }                                                 \
    } while (0)
