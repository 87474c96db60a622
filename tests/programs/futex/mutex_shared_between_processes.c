// harness: kernel-threads=+8
// A process-shared mutex keeps the threads of a parent and of two children apart.
#include "shared.h"

enum { THREADS = 3, ROUNDS = 300 };

struct shared {
    pthread_mutex_t mutex;
    long first, second;
};

static struct shared *shared;

static void *adds(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_mutex_lock(&shared->mutex));
        CHECK_EQ(shared->first, shared->second);
        shared->first++;
        if (i % 50 == 0) let_others_run();
        shared->second++;
        OK(pthread_mutex_unlock(&shared->mutex));
    }
    return unused;
}

static void add_in_threads(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) threads[i] = start(adds, NULL);
    for (int i = 0; i < THREADS; i++) join(threads[i]);
}

int main(void) {
    pthread_mutexattr_t attributes;
    pid_t children[2];
    shared = shared_memory(sizeof *shared);
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    OK(pthread_mutex_init(&shared->mutex, &attributes));
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            add_in_threads();
            _exit(0);
        }
    }
    add_in_threads();
    for (int i = 0; i < 2; i++) ends_well(children[i]);
    printf("total %ld\n", shared->first);
    return 0;
}
