// Two hundred threads in different calls are cancelled at once; none is left over.
#include "../check.h"
#include <semaphore.h>

enum { COUNT = 200 };

static int channel[2];
static sem_t empty;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

static void unlock(void *unused UNUSED) { OK(pthread_mutex_unlock(&mutex)); }

static void *blocks(void *argument) {
    char byte;
    switch ((intptr_t)argument % 4) {
    case 0: CHECK(read(channel[0], &byte, 1) < 0); break;
    case 1: CHECK_EQ(sem_wait(&empty), 0); break;
    case 2: usleep(1000000000); break;
    default:
        OK(pthread_mutex_lock(&mutex));
        pthread_cleanup_push(unlock, NULL);
        for (;;) pthread_cond_wait(&never, &mutex);
        pthread_cleanup_pop(0);
    }
    CHECK(!"the call returned");
    return NULL;
}

int main(void) {
    pthread_t threads[COUNT];
    CHECK_EQ(pipe(channel), 0);
    CHECK_EQ(sem_init(&empty, 0, 0), 0);
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(blocks, (void *)i);
    for (int i = 0; i < COUNT; i++) OK(pthread_cancel(threads[i]));
    for (int i = 0; i < COUNT; i++) CHECK(join(threads[i]) == PTHREAD_CANCELED);
    CHECK_EQ(pthread_mutex_trylock(&mutex), 0);
    puts("ok");
    return 0;
}
