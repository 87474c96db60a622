// FUTEX_WAKE_OP changes the second word, wakes on the first, and on the second if the old value compares.
#include "futex.h"

static uint32_t first, second;

static void *waits(void *word) {
    CHECK_EQ(futex(word, FUTEX_WAIT_PRIVATE, *(uint32_t *)word, NULL, NULL, 0), 0);
    return NULL;
}

static uint32_t operate(int operation, int argument, uint32_t before) {
    second = before;
    CHECK_EQ(futex(&first, FUTEX_WAKE_OP_PRIVATE, 0, NULL, &second, FUTEX_OP(operation, argument, FUTEX_OP_CMP_EQ, 0)), 0);
    return second;
}

int main(void) {
    CHECK_EQ(operate(FUTEX_OP_SET, 5, 9), 5);
    CHECK_EQ(operate(FUTEX_OP_ADD, -3, 9), 6);
    CHECK_EQ(operate(FUTEX_OP_OR, 6, 9), 15);
    CHECK_EQ(operate(FUTEX_OP_ANDN, 1, 9), 8);
    CHECK_EQ(operate(FUTEX_OP_XOR, 3, 9), 10);
    CHECK_EQ(operate(FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 4, 9), 16);

    first = 0;
    second = 7;
    pthread_t one = start(waits, &first), other = start(waits, &second);
    // The comparison fails (7 is not below 7): only the first word's waiter wakes; the word is written back as it was.
    UNTIL(1, futex(&first, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_LT, 7)));
    join(one);
    UNTIL(1, futex(&first, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_GE, 7)));
    join(other);
    puts("ok");
    return 0;
}
