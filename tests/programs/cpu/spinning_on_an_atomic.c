// Threads wait for each other by spinning on an atomic, without a yield: a chain of eight.
#include "../check.h"

enum { COUNT = 8, ROUNDS = 20 };

static int turn;

static void *spins(void *argument) {
    int own = (int)(intptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != i * COUNT + own) {
        }
        __atomic_store_n(&turn, i * COUNT + own + 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[COUNT];
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(spins, (void *)i);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    printf("%d turns\n", turn);
    return 0;
}
