// Threads made and joined in sequence and in batches: resident memory stays within 1 MiB of where it was.
// The argument is the number of threads for each way; 1000000 is the full count.
// harness: args=20000
// harness: limit=60
#include "../check.h"

enum { BATCH = 1000 };

static void *returns(void *argument) { return argument; }

static long resident_kib(void) {
    long total, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%ld %ld", &total, &resident) == 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void one_by_one(long count) {
    for (long i = 0; i < count; i++) CHECK(join(start(returns, (void *)i)) == (void *)i);
}

static void in_batches(long count) {
    static pthread_t threads[BATCH];
    for (long done = 0; done < count; done += BATCH) {
        for (long i = 0; i < BATCH; i++) threads[i] = start(returns, (void *)i);
        for (long i = 0; i < BATCH; i++) CHECK(join(threads[i]) == (void *)i);
    }
}

static void stays_within_a_mebibyte(void (*run)(long), long count, const char *name) {
    // What the first ones leave in caches (stacks, arenas) is there before we look.
    run(2 * BATCH);
    long before = resident_kib();
    run(count);
    long grown = resident_kib() - before;
    if (grown > 1024) check_failed(__FILE__, __LINE__, "%s: %ld KiB more", name, grown);
}

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 20000;
    stays_within_a_mebibyte(one_by_one, count, "one by one");
    stays_within_a_mebibyte(in_batches, count, "in batches");
    puts("ok");
    return 0;
}
