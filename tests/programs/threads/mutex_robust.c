// Robust mutexes: the next one learns that the owner died, before and while it waits; consistent or not recoverable.
#include "../check.h"

static pthread_mutex_t mutex;
static pthread_barrier_t barrier;

static void *dies_with_it(void *unused) {
    OK(pthread_mutex_lock(&mutex));
    return unused;
}

static void *dies_while_another_waits(void *unused) {
    OK(pthread_mutex_lock(&mutex));
    pthread_barrier_wait(&barrier);
    let_others_block();
    return unused;
}

int main(void) {
    pthread_mutexattr_t attributes;
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    OK(pthread_mutex_init(&mutex, &attributes));
    OK(pthread_barrier_init(&barrier, NULL, 2));

    join(start(dies_with_it, NULL));
    CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    OK(pthread_mutex_consistent(&mutex));
    OK(pthread_mutex_unlock(&mutex));

    pthread_t thread = start(dies_while_another_waits, NULL);
    pthread_barrier_wait(&barrier);
    CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    join(thread);
    OK(pthread_mutex_consistent(&mutex));
    OK(pthread_mutex_unlock(&mutex));
    OK(pthread_mutex_lock(&mutex));
    OK(pthread_mutex_unlock(&mutex));

    join(start(dies_with_it, NULL));
    CHECK_EQ(pthread_mutex_trylock(&mutex), EOWNERDEAD);
    OK(pthread_mutex_unlock(&mutex));
    CHECK_EQ(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
    OK(pthread_mutex_destroy(&mutex));
    puts("ok");
    return 0;
}
