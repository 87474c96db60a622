// Threads made and joined, N in all, BATCH at a time (1: one after another); prints ns per thread, and by how much resident
// memory grew from the first tenth on. The first thread, with which patchall's gate opens, has a figure of its own.
//
//   create_join BATCH N
#include <pthread.h>
#include <unistd.h>

#include "figures.h"

static void *nothing(void *arg) { return arg; }

static double resident_kib(void) {
    long total, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    MUST(file && fscanf(file, "%ld %ld", &total, &resident) == 2);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int batch = atoi(argv[1]), total = atoi(argv[2]), made = 0;
    pthread_t *threads = calloc((size_t)batch, sizeof *threads);
    double warm = 0, start = nanoseconds();
    MUST(pthread_create(&threads[0], NULL, nothing, NULL) == 0 && pthread_join(threads[0], NULL) == 0);
    figure("first_us", (nanoseconds() - start) / 1e3);
    start = nanoseconds();
    while (made < total) {
        for (int i = 0; i < batch; i++) MUST(pthread_create(&threads[i], NULL, nothing, NULL) == 0);
        for (int i = 0; i < batch; i++) MUST(pthread_join(threads[i], NULL) == 0);
        made += batch;
        if (warm == 0 && made >= total / 10) warm = resident_kib();
    }
    figure("ns", (nanoseconds() - start) / made);
    figure("grown_kib", resident_kib() - warm);
}
