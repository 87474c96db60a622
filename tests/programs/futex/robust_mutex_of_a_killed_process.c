// harness: kernel-threads=+6
// A robust mutex in shared memory: its owner's process is killed, and the waiting thread of another learns it.
#include "shared.h"
#include <signal.h>

struct shared {
    pthread_mutex_t mutex;
    int locked;
};

static struct shared *shared;

static void *takes_over(void *unused) {
    CHECK_EQ(pthread_mutex_lock(&shared->mutex), EOWNERDEAD);
    OK(pthread_mutex_consistent(&shared->mutex));
    OK(pthread_mutex_unlock(&shared->mutex));
    return unused;
}

int main(void) {
    int status;
    pthread_mutexattr_t attributes;
    shared = shared_memory(sizeof *shared);
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    OK(pthread_mutex_init(&shared->mutex, &attributes));
    pid_t child = fork();
    if (child == 0) {
        OK(pthread_mutex_lock(&shared->mutex));
        __atomic_store_n(&shared->locked, 1, __ATOMIC_SEQ_CST);
        for (;;) pause();
    }
    while (!__atomic_load_n(&shared->locked, __ATOMIC_SEQ_CST)) let_others_run();
    pthread_t thread = start(takes_over, NULL);
    let_others_block();
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    join(thread);
    puts("ok");
    return 0;
}
