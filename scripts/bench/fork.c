// A process without threads forks N times, and each child ends at once; prints ns for both.   fork N
#include <sys/wait.h>
#include <unistd.h>

#include "figures.h"

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    int count = atoi(argv[1]);
    double start = nanoseconds();
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0) _exit(0);
        MUST(child > 0 && waitpid(child, NULL, 0) == child);
    }
    figure("ns", (nanoseconds() - start) / count);
}
