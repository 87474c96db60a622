// Semaphores, unnamed and named: a ring of threads passes a token; values, trywait, posts that nobody waits for.
#include "../check.h"
#include <fcntl.h>
#include <semaphore.h>

enum { COUNT = 20, ROUNDS = 100 };

static sem_t turns[COUNT];
static int passed;

static void *passes_on(void *argument) {
    int own = (int)(intptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(sem_wait(&turns[own]), 0);
        CHECK_EQ(passed % COUNT, own);
        passed++;
        CHECK_EQ(sem_post(&turns[(own + 1) % COUNT]), 0);
    }
    return NULL;
}

static void *posts(void *semaphore) {
    for (int i = 0; i < 5; i++) CHECK_EQ(sem_post(semaphore), 0);
    return NULL;
}

int main(void) {
    pthread_t threads[COUNT];
    char name[64];
    int value;
    for (int i = 0; i < COUNT; i++) CHECK_EQ(sem_init(&turns[i], 0, i == 0), 0);
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(passes_on, (void *)i);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    CHECK_EQ(passed, COUNT * ROUNDS);
    FAILS(sem_trywait(&turns[1]), EAGAIN);
    CHECK_EQ(sem_trywait(&turns[0]), 0);

    snprintf(name, sizeof name, "/semaphores-%d", getpid());
    sem_t *named = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    CHECK(named != SEM_FAILED);
    CHECK_EQ(sem_unlink(name), 0);
    pthread_t poster = start(posts, named);
    for (int i = 0; i < 5; i++) CHECK_EQ(sem_wait(named), 0);
    join(poster);
    CHECK_EQ(sem_getvalue(named, &value), 0);
    CHECK_EQ(value, 0);
    CHECK_EQ(sem_close(named), 0);
    puts("ok");
    return 0;
}
