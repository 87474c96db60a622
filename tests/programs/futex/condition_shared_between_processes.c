// harness: kernel-threads=+6
// A process-shared condition: parent and child hand a turn to and fro, with idle threads in both.
#include "shared.h"

enum { ROUNDS = 200 };

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int turn, moves;
};

static struct shared *shared;

static void *plays(void *argument) {
    int own = (int)(intptr_t)argument;
    OK(pthread_mutex_lock(&shared->mutex));
    for (int i = 0; i < ROUNDS; i++) {
        while (shared->turn != own) OK(pthread_cond_wait(&shared->changed, &shared->mutex));
        shared->moves++;
        shared->turn = (own + 1) % 4;
        OK(pthread_cond_broadcast(&shared->changed));
    }
    OK(pthread_mutex_unlock(&shared->mutex));
    return NULL;
}

int main(void) {
    pthread_mutexattr_t mutex_attributes;
    pthread_condattr_t condition_attributes;
    shared = shared_memory(sizeof *shared);
    OK(pthread_mutexattr_init(&mutex_attributes));
    OK(pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED));
    OK(pthread_mutex_init(&shared->mutex, &mutex_attributes));
    OK(pthread_condattr_init(&condition_attributes));
    OK(pthread_condattr_setpshared(&condition_attributes, PTHREAD_PROCESS_SHARED));
    OK(pthread_cond_init(&shared->changed, &condition_attributes));
    pid_t child = fork();
    intptr_t base = child == 0 ? 1 : 0;
    pthread_t first = start(plays, (void *)base), second = start(plays, (void *)(base + 2));
    join(first);
    join(second);
    if (child == 0) _exit(0);
    ends_well(child);
    printf("%d moves\n", shared->moves);
    return 0;
}
