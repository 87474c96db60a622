// harness: kernel-threads=+8
// fork in a thread while others compute, sleep and hold locks: the child has the caller only, and makes threads itself.
#include "../check.h"
#include <sys/wait.h>

static volatile int stop;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void *computes(void *unused) {
    while (!stop) {
    }
    return unused;
}

static void *allocates(void *unused) {
    while (!stop) {
        free(malloc(1000));
        usleep(10);
    }
    return unused;
}

static void *adds_one(void *value) {
    usleep(100);
    __atomic_add_fetch((int *)value, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *forks(void *unused) {
    for (int i = 0; i < 10; i++) {
        int status;
        pid_t own = gettid(), child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            int value = 0;
            pthread_t threads[8];
            // The one thread that is left is the main one now; it is the thread that it was otherwise.
            CHECK_EQ(gettid(), getpid());
            CHECK(gettid() != own);
            for (int j = 0; j < 8; j++) threads[j] = start(adds_one, &value);
            for (int j = 0; j < 8; j++) join(threads[j]);
            CHECK_EQ(value, 8);
            CHECK_EQ(pthread_mutex_trylock(&held), EBUSY);
            _exit(i);
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), i);
    }
    return unused;
}

int main(void) {
    OK(pthread_mutex_lock(&held));
    pthread_t busy[] = {start(computes, NULL), start(allocates, NULL), start(allocates, NULL)};
    pthread_t forking[] = {start(forks, NULL), start(forks, NULL)};
    for (int i = 0; i < 2; i++) join(forking[i]);
    stop = 1;
    for (int i = 0; i < 3; i++) join(busy[i]);
    puts("ok");
    return 0;
}
