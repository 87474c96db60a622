// A read returns what is there, never waits for more; a write of a packet stays whole; end of file is 0, again and again.
#include "net.h"

static int fds[3][2];
static pthread_barrier_t barrier;

static void *writes(void *unused) {
    for (int kind = 0; kind < 3; kind++) {
        write_all(fds[kind][1], "hello", 5);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        write_all(fds[kind][1], "wide world", 10);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        CHECK_EQ(close(fds[kind][1]), 0);
    }
    return unused;
}

int main(void) {
    char buffer[64];
    struct sockaddr_in address;
    OK(pthread_barrier_init(&barrier, NULL, 2));
    CHECK_EQ(pipe(fds[0]), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[1]), 0);
    int listener = tcp_listener(&address, 1);
    fds[2][1] = tcp_connect(&address);
    fds[2][0] = accept(listener, NULL, NULL);
    pthread_t writer = start(writes, NULL);
    for (int kind = 0; kind < 3; kind++) {
        int fd = fds[kind][0];
        pthread_barrier_wait(&barrier);
        CHECK_EQ(read(fd, buffer, 3), 3);
        CHECK_EQ(read(fd, buffer + 3, sizeof buffer - 3), 2);
        CHECK_EQ(memcmp(buffer, "hello", 5), 0);
        CHECK_EQ(read(fd, buffer, 0), 0);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        CHECK_EQ(read(fd, buffer, sizeof buffer), 10);
        pthread_barrier_wait(&barrier);
        CHECK_EQ(read(fd, buffer, sizeof buffer), 0);
        CHECK_EQ(read(fd, buffer, sizeof buffer), 0);
    }
    join(writer);
    puts("ok");
    return 0;
}
