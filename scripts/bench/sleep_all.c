// N threads sleep a second each, all at once; prints how many seconds it took from the first one's making to the last one's end.
//
//   sleep_all N
#include <pthread.h>
#include <unistd.h>

#include "figures.h"

static void *sleeper(void *arg) {
    sleep(1);
    return arg;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int count = atoi(argv[1]);
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    double start = nanoseconds();
    for (int i = 0; i < count; i++) MUST(pthread_create(&threads[i], NULL, sleeper, NULL) == 0);
    for (int i = 0; i < count; i++) MUST(pthread_join(threads[i], NULL) == 0);
    figure("seconds", (nanoseconds() - start) / 1e9);
}
