// To eat and to play at the same time, by two threads that call sleep(3): an unmodified program.
//
//   cc -O2 -pthread -o eat_play examples/eat_play.c
//   patchall ./eat_play
//
// ```text in any order
// egon eat 1
// egon play 1
// egon play 2
// egon eat 2
// main: 2.0 s
// ```
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *eat(void *name) {
    printf("%s eat 1\n", (char *)name);
    sleep(2);
    printf("%s eat 2\n", (char *)name);
    return NULL;
}

static void *play(void *name) {
    printf("%s play 1\n", (char *)name);
    sleep(1);
    printf("%s play 2\n", (char *)name);
    return NULL;
}

int main(void) {
    char name[] = "egon";
    double begin = now();
    pthread_t t1, t2;
    if (pthread_create(&t1, NULL, eat, name) || pthread_create(&t2, NULL, play, name)) {
        fputs("cannot make a thread\n", stderr);
        return 1;
    }
    pthread_join(t1, NULL);
    pthread_join(t2, NULL);
    printf("main: %.1f s\n", now() - begin);
    return 0;
}
