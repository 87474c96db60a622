// FUTEX_WAIT sleeps while the word has the value; FUTEX_WAKE wakes no more than it was told to; private and shared.
#include "futex.h"

enum { COUNT = 10 };

static uint32_t word;
static volatile int operation_flag, woken;

static void *waits(void *unused) {
    CHECK_EQ(futex(&word, FUTEX_WAIT | operation_flag, 0, NULL, NULL, 0), 0);
    __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
    return unused;
}

int main(void) {
    for (int round = 0; round < 2; round++) {
        pthread_t threads[COUNT];
        operation_flag = round ? FUTEX_PRIVATE_FLAG : 0;
        woken = 0;
        CHECK_EQ(futex(&word, FUTEX_WAKE | operation_flag, COUNT, NULL, NULL, 0), 0);
        for (int i = 0; i < COUNT; i++) threads[i] = start(waits, NULL);
        UNTIL(3, futex(&word, FUTEX_WAKE | operation_flag, 1, NULL, NULL, 0));
        while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < 3) let_others_run();
        let_others_block();
        CHECK_EQ(__atomic_load_n(&woken, __ATOMIC_SEQ_CST), 3);
        UNTIL(COUNT - 3, futex(&word, FUTEX_WAKE | operation_flag, INT32_MAX, NULL, NULL, 0));
        for (int i = 0; i < COUNT; i++) join(threads[i]);
        FAILS(futex(&word, FUTEX_WAIT | operation_flag, 1, NULL, NULL, 0), EAGAIN);
    }
    puts("ok");
    return 0;
}
