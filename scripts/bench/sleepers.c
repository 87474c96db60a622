// N threads with default attributes, all asleep: what does each cost?   sleepers N
//
// Prints bytes per thread: `resident` (VmRSS, what the process itself holds), `page_tables` (VmPTE), and `system`, by how much
// MemFree of the whole machine shrank, which counts the kernel's stacks and task structures too but also what others do
// meanwhile. Where the system gives no more threads it prints `stopped_at` and the figures of those that it gave.
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "figures.h"

static atomic_int about_to_sleep;

static void *sleeper(void *arg) {
    about_to_sleep++;
    sleep(3600);
    return arg;
}

// The value in KiB of a line `Name:  123 kB` of a file in /proc.
static double kib(const char *path, const char *name) {
    char line[256];
    double value = -1;
    FILE *file = fopen(path, "r");
    MUST(file);
    while (value < 0 && fgets(line, sizeof line, file)) {
        if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':') value = atof(line + strlen(name) + 1);
    }
    fclose(file);
    return value;
}

struct memory {
    double resident, page_tables, system;
};

static struct memory measure(void) {
    return (struct memory){kib("/proc/self/status", "VmRSS"), kib("/proc/self/status", "VmPTE"), -kib("/proc/meminfo", "MemFree")};
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int wanted = atoi(argv[1]), made = 0;
    struct memory before = measure();
    double start = nanoseconds();
    for (pthread_t thread; made < wanted; made++) {
        if (pthread_create(&thread, NULL, sleeper, NULL)) break;
    }
    while (about_to_sleep < made) usleep(1000);
    double all = nanoseconds();
    usleep(300000); // the last ones go from the counter into the kernel; the kernel's own lazy work settles
    struct memory after = measure();

    if (made < wanted) figure("stopped_at", made);
    figure("create_ns", (all - start) / made);
    figure("resident", (after.resident - before.resident) * 1024 / made);
    figure("page_tables", (after.page_tables - before.page_tables) * 1024 / made);
    figure("system", (after.system - before.system) * 1024 / made);
    _exit(0);
}
