// A robust mutex with priority inheritance: the word is the kernel's to hand over when the owner dies.
#include "../check.h"

static pthread_mutex_t mutex;
static pthread_barrier_t barrier;

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
    OK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    OK(pthread_mutex_init(&mutex, &attributes));
    OK(pthread_barrier_init(&barrier, NULL, 2));
    for (int i = 0; i < 3; i++) {
        pthread_t thread = start(dies_while_another_waits, NULL);
        pthread_barrier_wait(&barrier);
        CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
        join(thread);
        OK(pthread_mutex_consistent(&mutex));
        OK(pthread_mutex_unlock(&mutex));
    }
    puts("ok");
    return 0;
}
