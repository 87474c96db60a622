// Process-shared semaphores carry a token between threads of two processes; a barrier holds both.
#include "shared.h"
#include <semaphore.h>

enum { ROUNDS = 300 };

struct shared {
    sem_t to_child, to_parent;
    pthread_barrier_t barrier;
    int count;
};

static struct shared *shared;

static void *answers(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(sem_wait(&shared->to_child), 0);
        shared->count++;
        CHECK_EQ(sem_post(&shared->to_parent), 0);
    }
    pthread_barrier_wait(&shared->barrier);
    return unused;
}

static void *asks(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(sem_post(&shared->to_child), 0);
        CHECK_EQ(sem_wait(&shared->to_parent), 0);
    }
    pthread_barrier_wait(&shared->barrier);
    return unused;
}

int main(void) {
    pthread_barrierattr_t attributes;
    shared = shared_memory(sizeof *shared);
    CHECK_EQ(sem_init(&shared->to_child, 1, 0), 0);
    CHECK_EQ(sem_init(&shared->to_parent, 1, 0), 0);
    OK(pthread_barrierattr_init(&attributes));
    OK(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    OK(pthread_barrier_init(&shared->barrier, &attributes, 2));
    pid_t child = fork();
    if (child == 0) {
        join(start(answers, NULL));
        _exit(0);
    }
    join(start(asks, NULL));
    ends_well(child);
    printf("count %d\n", shared->count);
    return 0;
}
