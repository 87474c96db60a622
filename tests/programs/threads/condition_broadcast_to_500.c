// One broadcast wakes all five hundred that wait; then signals wake one each, until all have gone.
#include "../check.h"

enum { COUNT = 500 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER, tickets = PTHREAD_COND_INITIALIZER;
static int waiting, generation, tokens, gone;

static void *waits(void *unused) {
    OK(pthread_mutex_lock(&lock));
    waiting++;
    while (generation == 0) OK(pthread_cond_wait(&changed, &lock));
    waiting--;
    while (tokens == 0) OK(pthread_cond_wait(&tickets, &lock));
    tokens--;
    gone++;
    OK(pthread_mutex_unlock(&lock));
    return unused;
}

static int read_locked(int *value) {
    OK(pthread_mutex_lock(&lock));
    int result = *value;
    OK(pthread_mutex_unlock(&lock));
    return result;
}

int main(void) {
    static pthread_t threads[COUNT];
    for (int i = 0; i < COUNT; i++) threads[i] = start(waits, NULL);
    // Who has counted itself holds the lock until it waits.
    while (read_locked(&waiting) < COUNT) let_others_run();
    OK(pthread_mutex_lock(&lock));
    generation = 1;
    OK(pthread_cond_broadcast(&changed));
    OK(pthread_mutex_unlock(&lock));
    while (read_locked(&waiting) > 0) let_others_run();
    for (int i = 0; i < COUNT; i++) {
        OK(pthread_mutex_lock(&lock));
        tokens++;
        OK(pthread_cond_signal(&tickets));
        OK(pthread_mutex_unlock(&lock));
    }
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    CHECK_EQ(gone, COUNT);
    CHECK_EQ(tokens, 0);
    puts("ok");
    return 0;
}
