// A barrier lets nobody pass before all have come, and names one of them, round after round.
#include "../check.h"

enum { COUNT = 10, ROUNDS = 200 };

static pthread_barrier_t barrier;
static int arrived[ROUNDS], serial[ROUNDS];

static void *passes(void *unused) {
    for (int round = 0; round < ROUNDS; round++) {
        __atomic_add_fetch(&arrived[round], 1, __ATOMIC_SEQ_CST);
        int result = pthread_barrier_wait(&barrier);
        CHECK_EQ(__atomic_load_n(&arrived[round], __ATOMIC_SEQ_CST), COUNT);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD) __atomic_add_fetch(&serial[round], 1, __ATOMIC_SEQ_CST);
        else CHECK_EQ(result, 0);
    }
    return unused;
}

int main(void) {
    pthread_t threads[COUNT];
    OK(pthread_barrier_init(&barrier, NULL, COUNT));
    for (int i = 0; i < COUNT; i++) threads[i] = start(passes, NULL);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    for (int round = 0; round < ROUNDS; round++) CHECK_EQ(serial[round], 1);
    OK(pthread_barrier_destroy(&barrier));
    puts("ok");
    return 0;
}
