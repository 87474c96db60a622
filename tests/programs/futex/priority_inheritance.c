// FUTEX_LOCK_PI, TRYLOCK_PI, UNLOCK_PI: the word holds the owner's gettid, waiters set its bit, errors as documented.
#include "futex.h"

static uint32_t word;
// Volatile: the compiler does not know that a system call lets others change them.
static volatile int inside, total;

static void *locks(void *unused) {
    uint32_t own = (uint32_t)gettid();
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
        CHECK_EQ(word & FUTEX_TID_MASK, own);
        CHECK_EQ(inside, 0);
        inside = 1;
        total++;
        if (i % 10 == 0) let_others_run();
        inside = 0;
        FAILS(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK);
        CHECK_EQ(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
    }
    return unused;
}

static void *is_refused(void *unused) {
    FAILS(futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EAGAIN);
    FAILS(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EPERM);
    struct timespec time = from_ns(now_ns(CLOCK_REALTIME) + 20000000);
    FAILS(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, &time, NULL, 0), ETIMEDOUT);
    return unused;
}

int main(void) {
    pthread_t threads[6];
    for (int i = 0; i < 6; i++) threads[i] = start(locks, NULL);
    for (int i = 0; i < 6; i++) join(threads[i]);
    CHECK_EQ(total, 300);
    CHECK_EQ(word, 0);
    CHECK_EQ(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
    join(start(is_refused, NULL));
    CHECK_EQ(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), 0);
    puts("ok");
    return 0;
}
