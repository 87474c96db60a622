// Descriptors are closed and their numbers given to new files at a high rate while threads block on them: nobody gets
// the bytes of another, nobody misses a wake-up.
#include "net.h"

enum { THREADS = 8, ROUNDS = 300 };

static void *writes(void *argument) {
    int *task = argument;
    CHECK_EQ(write(task[0], &task[1], sizeof(int)), sizeof(int));
    CHECK_EQ(close(task[0]), 0);
    return NULL;
}

static void *cycles(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        int fds[2], value, task[2];
        if (i % 2) CHECK_EQ(pipe(fds), 0);
        else CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        task[0] = fds[1];
        task[1] = (int)(intptr_t)argument * 100000 + i;
        pthread_t writer = start(writes, task);
        CHECK_EQ(read(fds[0], &value, sizeof value), sizeof value);
        CHECK_EQ(value, task[1]);
        CHECK_EQ(read(fds[0], &value, sizeof value), 0);
        CHECK_EQ(close(fds[0]), 0);
        join(writer);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++) threads[i] = start(cycles, (void *)i);
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    puts("ok");
    return 0;
}
