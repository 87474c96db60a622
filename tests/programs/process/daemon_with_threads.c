// A daemon in the classic way: fork, setsid, fork, every descriptor closed; then it makes threads that sleep, block on
// descriptors and time out. What it found it tells through a file that it opens afterwards.
// harness: threads=child
#include "../check.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int pair[2];

static void *sleeps(void *argument) {
    usleep(1000);
    return argument;
}

static void *reads(void *unused UNUSED) {
    char byte = 0;
    CHECK_EQ(read(pair[0], &byte, 1), 1);
    return (void *)(intptr_t)byte;
}

static void be_a_daemon(const char *path) {
    pthread_t threads[10];
    int sum = 0;
    // The numbers that were closed are given out again.
    CHECK_EQ(open("/dev/null", O_RDWR), 0);
    CHECK_EQ(dup(0), 1);
    CHECK_EQ(dup(0), 2);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(pair[0], 3);
    pthread_t reader = start(reads, NULL);
    for (intptr_t i = 0; i < 10; i++) threads[i] = start(sleeps, (void *)i);
    for (int i = 0; i < 10; i++) sum += (int)(intptr_t)join(threads[i]);
    CHECK_EQ(write(pair[1], "r", 1), 1);
    CHECK_EQ((intptr_t)join(reader), 'r');
    int file = open(path, O_WRONLY);
    dprintf(file, "daemon: sum %d, first descriptor %d, session leader %d\n", sum, pair[0], getsid(0) == getpid());
    close(file);
}

static void *returns(void *argument) { return argument; }

int main(void) {
    for (int kind = 0; kind < 2; kind++) {
        char path[] = "/tmp/daemon-XXXXXX", text[200] = "";
        int status, file = mkstemp(path), alive[2];
        CHECK(file >= 0);
        CHECK_EQ(pipe(alive), 0);
        // The second time the process has had threads.
        if (kind == 1) join(start(returns, NULL));
        pid_t child = fork();
        if (child == 0) {
            CHECK(setsid() > 0);
            pid_t grandchild = fork();
            if (grandchild != 0) _exit(0);
            // All but the pipe whose end tells that the daemon is gone; it must not be in the way of low numbers.
            int kept = fcntl(alive[1], F_DUPFD, 100);
            if (kind == 0) {
                for (int fd = 0; fd < 1024; fd++) {
                    if (fd != kept) close(fd);
                }
            } else {
                // By its number: glibc has a function for it since 2.34.
                CHECK_EQ(syscall(SYS_close_range, 0, (unsigned)kept - 1, 0), 0);
                CHECK_EQ(syscall(SYS_close_range, (unsigned)kept + 1, ~0U, 0), 0);
            }
            be_a_daemon(path);
            exit(0);
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        close(alive[1]);
        CHECK_EQ(read(alive[0], text, 1), 0);
        CHECK(pread(file, text, sizeof text - 1, 0) > 0);
        fputs(text, stdout);
        CHECK_EQ(unlink(path), 0);
        close(file);
        close(alive[0]);
    }
    return 0;
}
