// What the test programs share: checks that name what failed, and thread creation in one line.
//
// A check that fails prints to standard error and ends the process with status 1, from any thread.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

__attribute__((noreturn, format(printf, 3, 4))) UNUSED static void check_failed(const char *file, int line,
                                                                                const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char *name = strrchr((char *)file, '/');
    dprintf(2, "%s:%d: %s\n", name ? name + 1 : file, line, text);
    _exit(1);
}

// The condition holds.
#define CHECK(condition) \
    ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, "%s (errno %d)", #condition, errno))

// Two whole numbers are equal.
#define CHECK_EQ(left, right)                                                                                       \
    do {                                                                                                            \
        long long left_ = (long long)(left), right_ = (long long)(right);                                           \
        if (left_ != right_)                                                                                        \
            check_failed(__FILE__, __LINE__, "%s is %lld, %s is %lld (errno %d)", #left, left_, #right, right_, errno); \
    } while (0)

// A call that returns an error number returns 0.
#define OK(call)                                                                                   \
    do {                                                                                           \
        int error_ = (call);                                                                       \
        if (error_ != 0) check_failed(__FILE__, __LINE__, "%s: error %d (%s)", #call, error_, strerror(error_)); \
    } while (0)

// A call fails with -1 and this errno.
#define FAILS(call, error)                                                                                       \
    do {                                                                                                         \
        errno = 0;                                                                                               \
        long long result_ = (long long)(call);                                                                   \
        if (result_ != -1 || errno != (error))                                                                   \
            check_failed(__FILE__, __LINE__, "%s: %lld with errno %d, not %s", #call, result_, errno, #error); \
    } while (0)

UNUSED static pthread_t start(void *(*function)(void *), void *argument) {
    pthread_t thread;
    OK(pthread_create(&thread, NULL, function, argument));
    return thread;
}

UNUSED static void *join(pthread_t thread) {
    void *result;
    OK(pthread_join(thread, &result));
    return result;
}

UNUSED static int64_t now_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

UNUSED static struct timespec from_ns(int64_t ns) {
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    return time;
}

// Yields. glibc declares sched_yield as a function that changes no variable of ours; it does let others change them.
UNUSED static void let_others_run(void) {
    __asm__ volatile("" ::: "memory");
    sched_yield();
    __asm__ volatile("" ::: "memory");
}

// Gives another thread the time to come to its blocking call. No result may depend on it: it makes the interesting
// order of events the usual one, the check must hold in any order.
UNUSED static void let_others_block(void) {
    struct timespec time = from_ns(20000000);
    while (nanosleep(&time, &time) != 0) {
    }
}
