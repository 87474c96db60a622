// Ten thousand threads that sleep for a second, all at the same time.
//
//   cc -O2 -pthread -o sleep_10000 examples/sleep_10000.c
//   ./sleep_10000 [THREADS [SECONDS]]
//
// One after another they would take almost three hours. Linux gives up somewhere near 32,000 threads (vm.max_map_count, pid_max);
// under patchall try 100000.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel_threads.h"

static struct timespec duration = {1, 0};
static atomic_int slept;

static void *sleeper(void *arg) {
    if (nanosleep(&duration, NULL) == 0) slept++;
    return arg;
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 10000;
    double seconds = argc > 2 ? atof(argv[2]) : 1;
    duration.tv_sec = (time_t)seconds;
    duration.tv_nsec = (long)((seconds - (double)duration.tv_sec) * 1e9);
    pthread_t *threads = calloc(count, sizeof *threads);

    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < count; i++) {
        int error = pthread_create(&threads[i], NULL, sleeper, NULL);
        if (error) {
            fprintf(stderr, "sleep_10000: the system gave up at thread %d: %s\n", i + 1, strerror(error));
            return 1;
        }
    }
    int kernel = kernel_threads();
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);

    printf("threads that slept:  %d\n", slept);
    printf("kernel threads used: %d\n", kernel);
    printf("seconds:             %.2f\n", after.tv_sec - before.tv_sec + (after.tv_nsec - before.tv_nsec) / 1e9);
    return slept == count ? 0 : 1;
}
