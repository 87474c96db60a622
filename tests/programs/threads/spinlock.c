// Spin locks keep others out even when the holder is switched away: those who spin never yield by themselves.
#include "../check.h"

enum { COUNT = 4, ROUNDS = 2000 };

static pthread_spinlock_t lock;
static long total, inside;

static void *adds(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_spin_lock(&lock));
        CHECK_EQ(inside, 0);
        inside = 1;
        total++;
        if (i % 500 == 0) let_others_run();
        inside = 0;
        OK(pthread_spin_unlock(&lock));
    }
    return unused;
}

int main(void) {
    pthread_t threads[COUNT];
    OK(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE));
    for (int i = 0; i < COUNT; i++) threads[i] = start(adds, NULL);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    OK(pthread_spin_lock(&lock));
    CHECK_EQ(pthread_spin_trylock(&lock), EBUSY);
    printf("total %ld\n", total);
    return 0;
}
