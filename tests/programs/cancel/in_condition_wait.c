// A thread in pthread_cond_wait is cancelled; the mutex is held again in the cleanup handler.
#include "cancel.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

static void unlock(void *unused UNUSED) {
    CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    OK(pthread_mutex_unlock(&mutex));
}

static void prepare(void) {}
static void block(void) {
    OK(pthread_mutex_lock(&mutex));
    pthread_cleanup_push(unlock, NULL);
    for (;;) OK(pthread_cond_wait(&never, &mutex));
    pthread_cleanup_pop(0);
}

int main(void) { return cancel_in_call(); }
