// Starts PROGRAM again and again, with each LIBRARY preloaded in turn ("-" for none), and waits for it; prints the median of each.
//
//   startup TIMES PROGRAM LIBRARY..        output: us0 .., us1 .., in the order of the libraries
//
// In C, because the time of posix_spawn from a large process would hide the difference.
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "figures.h"

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double start_once(char *program, char *library) {
    char preload[4096];
    char *none[] = {NULL}, *with[] = {preload, NULL}, *arguments[] = {program, NULL};
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    pid_t pid;
    int status;
    double start = nanoseconds();
    MUST(posix_spawn(&pid, program, NULL, NULL, arguments, strcmp(library, "-") ? with : none) == 0);
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
    return nanoseconds() - start;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int times = atoi(argv[1]), libraries = argc - 3;
    double *taken = calloc((size_t)(times * libraries), sizeof *taken);
    for (int i = 0; i < times; i++) {
        for (int l = 0; l < libraries; l++) taken[l * times + i] = start_once(argv[2], argv[3 + l]);
    }
    for (int l = 0; l < libraries; l++) {
        char name[16];
        qsort(taken + l * times, (size_t)times, sizeof *taken, ascending);
        snprintf(name, sizeof name, "us%d", l);
        figure(name, taken[l * times + times / 2] / 1e3);
    }
}
