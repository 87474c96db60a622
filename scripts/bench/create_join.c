// Threads made and joined, N in all, BATCH at a time (1: one after another); prints ns per thread.   create_join BATCH N
#include <pthread.h>

#include "figures.h"

static void *nothing(void *arg) { return arg; }

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int batch = atoi(argv[1]), total = atoi(argv[2]), made = 0;
    pthread_t *threads = calloc((size_t)batch, sizeof *threads);
    double start = nanoseconds();
    while (made < total) {
        for (int i = 0; i < batch; i++) MUST(pthread_create(&threads[i], NULL, nothing, NULL) == 0);
        for (int i = 0; i < batch; i++) MUST(pthread_join(threads[i], NULL) == 0);
        made += batch;
    }
    figure("ns", (nanoseconds() - start) / made);
}
