// FUTEX_CMP_REQUEUE and FUTEX_REQUEUE wake some and move the rest to another word, where a wake finds them.
#include "futex.h"

enum { COUNT = 8 };

static uint32_t first, second;
static int woken;

static void *waits(void *unused) {
    CHECK_EQ(futex(&first, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), 0);
    __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
    return unused;
}

int main(void) {
    for (int round = 0; round < 2; round++) {
        pthread_t threads[COUNT];
        int compare = round == 0;
        woken = 0;
        for (int i = 0; i < COUNT; i++) threads[i] = start(waits, NULL);
        FAILS(futex(&first, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)1, &second, 1), EAGAIN);
        // All are moved one by one, nobody is woken.
        if (compare) UNTIL(COUNT, futex(&first, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)1, &second, 0));
        else UNTIL(COUNT, futex(&first, FUTEX_REQUEUE_PRIVATE, 0, (void *)1, &second, 0));
        // The kernel may put a waiter that it woke for nothing back to where it began (futex_wait_queue, retry).
        while (futex(&first, FUTEX_REQUEUE_PRIVATE, 0, (void *)COUNT, &second, 0) > 0) let_others_run();
        CHECK_EQ(futex(&first, FUTEX_WAKE_PRIVATE, COUNT, NULL, NULL, 0), 0);
        CHECK_EQ(__atomic_load_n(&woken, __ATOMIC_SEQ_CST), 0);
        // Two are woken and two moved back; the result counts both for the comparing form.
        long result = compare ? futex(&second, FUTEX_CMP_REQUEUE_PRIVATE, 2, (void *)2, &first, 0)
                              : futex(&second, FUTEX_REQUEUE_PRIVATE, 2, (void *)2, &first, 0);
        printf("woken and moved: %ld\n", result);
        while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < 2) let_others_run();
        CHECK_EQ(futex(&first, FUTEX_WAKE_PRIVATE, COUNT, NULL, NULL, 0), 2);
        CHECK_EQ(futex(&second, FUTEX_WAKE_PRIVATE, COUNT, NULL, NULL, 0), COUNT - 4);
        for (int i = 0; i < COUNT; i++) join(threads[i]);
    }
    return 0;
}
