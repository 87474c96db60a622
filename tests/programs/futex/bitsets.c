// FUTEX_WAKE_BITSET wakes only those whose bits it shares; a mask of zero is refused.
#include "futex.h"

static uint32_t word;
static int woken[3];

static void *waits(void *argument) {
    int own = (int)(intptr_t)argument;
    CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 1U << own), 0);
    __atomic_store_n(&woken[own], 1, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(void) {
    pthread_t threads[3];
    for (intptr_t i = 0; i < 3; i++) threads[i] = start(waits, (void *)i);
    UNTIL(1, futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT32_MAX, NULL, NULL, 2));
    join(threads[1]);
    CHECK_EQ(woken[0] + woken[2], 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT32_MAX, NULL, NULL, 8), 0);
    UNTIL(1, futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT32_MAX, NULL, NULL, 4));
    join(threads[2]);
    CHECK_EQ(woken[0], 0);
    // A plain wake matches every mask.
    UNTIL(1, futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    join(threads[0]);
    FAILS(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 0), EINVAL);
    FAILS(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 0), EINVAL);
    puts("ok");
    return 0;
}
