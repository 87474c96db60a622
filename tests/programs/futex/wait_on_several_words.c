// futex_waitv sleeps on several words and tells which one woke it; its errors, its timeout, a signal, wakers of many words at
// once, and words that another process shares.
// harness: kernel-threads=+3
#include "futex.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { MOST = 128, ROUNDS = 2000 };

static uint32_t words[MOST];
static _Atomic int interrupted;

static long wait_on(uint32_t *first, unsigned count, uint32_t expected, uint32_t flags, const struct timespec *deadline) {
    struct futex_waitv waiters[MOST];
    memset(waiters, 0, sizeof waiters);
    for (unsigned i = 0; i < count; i++) {
        waiters[i].uaddr = (uintptr_t)&first[i];
        waiters[i].val = expected;
        waiters[i].flags = FUTEX_32 | flags;
    }
    return syscall(SYS_futex_waitv, waiters, count, 0, deadline, CLOCK_MONOTONIC);
}

static void *waits(void *count) {
    return (void *)wait_on(words, (unsigned)(intptr_t)count, 0, FUTEX_PRIVATE_FLAG, NULL);
}

static void *waits_for_a_signal(void *unused UNUSED) {
    FAILS(wait_on(words, 3, 0, FUTEX_PRIVATE_FLAG, NULL), EINTR);
    interrupted = 1;
    return NULL;
}

static void handler(int signal UNUSED) {}

// Takes what the word it was woken by holds: what each waker puts there is found exactly once.
static uint32_t boxes[4];
static long taken;

static void *collects(void *unused UNUSED) {
    for (int left = 4 * ROUNDS; left > 0;) {
        long woken = wait_on(boxes, 4, 0, FUTEX_PRIVATE_FLAG, NULL);
        CHECK(woken >= 0 ? woken < 4 : errno == EAGAIN);
        for (int i = 0; i < 4; i++) {
            if (__atomic_exchange_n(&boxes[i], 0, __ATOMIC_SEQ_CST) == 0) continue;
            taken++;
            left--;
            futex(&boxes[i], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        }
    }
    return NULL;
}

static void *fills(void *box) {
    uint32_t *word = box;
    for (int i = 0; i < ROUNDS; i++) {
        while (__atomic_load_n(word, __ATOMIC_SEQ_CST) != 0) futex(word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
        __atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
        futex(word, FUTEX_WAKE_PRIVATE, MOST, NULL, NULL, 0);
    }
    return NULL;
}

static void *waits_on_shared(void *shared) { return (void *)wait_on(shared, 2, 0, 0, NULL); }

static void check_shared(void) {
    uint32_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    pthread_t thread = start(waits_on_shared, shared);
    pid_t child = fork();
    if (child == 0) {
        UNTIL(1, futex(&shared[1], FUTEX_WAKE, 1, NULL, NULL, 0));
        _exit(0);
    }
    CHECK_EQ((intptr_t)join(thread), 1);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

int main(void) {
    for (intptr_t count = 3; count <= MOST; count += 125) {
        for (intptr_t i = 0; i < count; i += count > 3 ? 63 : 1) {
            pthread_t thread = start(waits, (void *)count);
            UNTIL(1, futex(&words[i], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
            CHECK_EQ((intptr_t)join(thread), i);
            for (int j = 0; j < count; j++) CHECK_EQ(futex(&words[j], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
        }
    }
    struct timespec time = from_ns(now_ns(CLOCK_MONOTONIC) + 20000000);
    FAILS(wait_on(words, 3, 0, FUTEX_PRIVATE_FLAG, &time), ETIMEDOUT);
    FAILS(wait_on(words, 3, 1, FUTEX_PRIVATE_FLAG, NULL), EAGAIN);
    words[2] = 1;
    FAILS(wait_on(words, 3, 0, FUTEX_PRIVATE_FLAG, NULL), EAGAIN);
    words[2] = 0;
    for (int j = 0; j < 3; j++) CHECK_EQ(futex(&words[j], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);

    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t thread = start(waits_for_a_signal, NULL);
    while (!interrupted) {
        pthread_kill(thread, SIGUSR1);
        let_others_block();
    }
    join(thread);

    pthread_t collector = start(collects, NULL), fillers[4];
    for (int i = 0; i < 4; i++) fillers[i] = start(fills, &boxes[i]);
    for (int i = 0; i < 4; i++) join(fillers[i]);
    join(collector);
    CHECK_EQ(taken, 4 * ROUNDS);
    check_shared();

    struct futex_waitv bad = {.uaddr = (uintptr_t)words + 1, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
    FAILS(syscall(SYS_futex_waitv, &bad, 1, 0, NULL, CLOCK_MONOTONIC), EINVAL);
    bad.uaddr = (uintptr_t)words, bad.flags = 0x40000000;
    FAILS(syscall(SYS_futex_waitv, &bad, 1, 0, NULL, CLOCK_MONOTONIC), EINVAL);
    bad.flags = FUTEX_32 | FUTEX_PRIVATE_FLAG, bad.uaddr = 8;
    FAILS(syscall(SYS_futex_waitv, &bad, 1, 0, NULL, CLOCK_MONOTONIC), EFAULT);
    FAILS(syscall(SYS_futex_waitv, 8, 1, 0, NULL, CLOCK_MONOTONIC), EFAULT);
    FAILS(syscall(SYS_futex_waitv, NULL, 0, 0, NULL, CLOCK_MONOTONIC), EINVAL);
    FAILS(syscall(SYS_futex_waitv, words, 129, 0, NULL, CLOCK_MONOTONIC), EINVAL);
    FAILS(syscall(SYS_futex_waitv, words, 1, 1, NULL, CLOCK_MONOTONIC), EINVAL);
    time = from_ns(0);
    bad.uaddr = (uintptr_t)words;
    FAILS(syscall(SYS_futex_waitv, &bad, 1, 0, &time, CLOCK_BOOTTIME), EINVAL);
    puts("ok");
    return 0;
}
