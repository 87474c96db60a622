// How many threads the kernel sees in this process: the line "Threads:" of proc_pid_status(5).
//
// Natively that is one for each pthread. Under patchall it is the number of carriers and a helper or two, however many
// pthreads there are. The file is read with plain open and read, so that the count can be taken anywhere.
#ifndef KERNEL_THREADS_H
#define KERNEL_THREADS_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline int kernel_threads(void) {
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0) return -1;
    text[got] = 0;
    char *line = strstr(text, "\nThreads:");
    return line ? atoi(line + strlen("\nThreads:")) : -1;
}

#endif
