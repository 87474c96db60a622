// Fifty threads pass a counter around a ring of pipes.
#include "net.h"

enum { COUNT = 50, ROUNDS = 40 };

static int pipes[COUNT][2];

static void *passes_on(void *argument) {
    int own = (int)(intptr_t)argument, value;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(read(pipes[own][0], &value, sizeof value), sizeof value);
        CHECK_EQ(value % COUNT, own);
        value++;
        CHECK_EQ(write(pipes[(own + 1) % COUNT][1], &value, sizeof value), sizeof value);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[COUNT];
    int value = 0;
    for (int i = 0; i < COUNT; i++) CHECK_EQ(pipe(pipes[i]), 0);
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(passes_on, (void *)i);
    CHECK_EQ(write(pipes[0][1], &value, sizeof value), sizeof value);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    CHECK_EQ(read(pipes[0][0], &value, sizeof value), sizeof value);
    printf("passed %d times\n", value);
    return 0;
}
