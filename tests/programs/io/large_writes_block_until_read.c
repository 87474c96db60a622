// One write of 32 MiB to a pipe, a UNIX and a TCP socket: it blocks until a reader has taken all, then returns the whole.
#include "net.h"

enum { SIZE = 32 << 20 };

static unsigned char *data;
static int fds[3][2];

static void *writes(void *argument) {
    int kind = (int)(intptr_t)argument;
    CHECK_EQ(write(fds[kind][1], data, SIZE), SIZE);
    CHECK_EQ(close(fds[kind][1]), 0);
    return NULL;
}

static void *reads(void *argument) {
    int kind = (int)(intptr_t)argument;
    unsigned char buffer[65537];
    size_t done = 0;
    ssize_t count;
    for (int i = 0; (count = read(fds[kind][0], buffer, sizeof buffer)) > 0; i++) {
        CHECK_EQ(memcmp(buffer, data + done, (size_t)count), 0);
        done += (size_t)count;
        if (i % 50 == 0) usleep(100);
    }
    CHECK_EQ(count, 0);
    CHECK_EQ(done, SIZE);
    return NULL;
}

int main(void) {
    struct sockaddr_in address;
    pthread_t threads[6];
    data = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) data[i] = (unsigned char)(i * 2654435761U >> 13);
    CHECK_EQ(pipe(fds[0]), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[1]), 0);
    int listener = tcp_listener(&address, 1);
    fds[2][1] = tcp_connect(&address);
    fds[2][0] = accept(listener, NULL, NULL);
    for (intptr_t i = 0; i < 6; i++) threads[i] = start(i < 3 ? writes : reads, (void *)(i % 3));
    for (int i = 0; i < 6; i++) join(threads[i]);
    free(data);
    puts("ok");
    return 0;
}
