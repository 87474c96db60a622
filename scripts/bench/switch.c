// Two threads hand a turn to and fro; prints ns per hand-over.   switch semaphore|condvar|pipe N
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "figures.h"

static long rounds;

static sem_t turn_of[2];

static void *by_semaphore(void *arg) {
    int me = (int)(intptr_t)arg;
    for (long i = 0; i < rounds; i++) {
        sem_wait(&turn_of[me]);
        sem_post(&turn_of[!me]);
    }
    return NULL;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn;

static void *by_condvar(void *arg) {
    int me = (int)(intptr_t)arg;
    for (long i = 0; i < rounds; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me) pthread_cond_wait(&changed, &lock);
        turn = !me;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static int pipes[2][2];

static void *by_pipe(void *arg) {
    int me = (int)(intptr_t)arg;
    char c;
    for (long i = 0; i < rounds; i++) {
        MUST(read(pipes[me][0], &c, 1) == 1);
        MUST(write(pipes[!me][1], &c, 1) == 1);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    rounds = atol(argv[2]);
    void *(*side)(void *) = NULL;
    if (!strcmp(argv[1], "semaphore")) {
        side = by_semaphore;
        sem_init(&turn_of[0], 0, 1);
        sem_init(&turn_of[1], 0, 0);
    } else if (!strcmp(argv[1], "condvar")) {
        side = by_condvar;
    } else if (!strcmp(argv[1], "pipe")) {
        side = by_pipe;
        MUST(pipe(pipes[0]) == 0 && pipe(pipes[1]) == 0 && write(pipes[0][1], "x", 1) == 1);
    } else {
        return 2;
    }
    pthread_t threads[2];
    double start = nanoseconds();
    for (intptr_t i = 0; i < 2; i++) MUST(pthread_create(&threads[i], NULL, side, (void *)i) == 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    figure("ns", (nanoseconds() - start) / (double)(2 * rounds));
}
