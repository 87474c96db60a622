// While threads are blocked in read, accept and connect-less recv, another process that shares the descriptors sees the
// same flags as before, and its own read blocks.
#include "net.h"
#include <sys/wait.h>

enum { COUNT = 4 };

static int fds[COUNT], others[COUNT];

static void *reads(void *argument) {
    char byte;
    int own = (int)(intptr_t)argument;
    if (own == COUNT - 1) CHECK(accept(fds[own], NULL, NULL) >= 0);
    else CHECK_EQ(read(fds[own], &byte, 1), 1);
    return NULL;
}

int main(void) {
    int ask[2], answer[2], pair[2], flags;
    pthread_t threads[COUNT];
    struct sockaddr_in address;
    CHECK_EQ(pipe(pair), 0);
    fds[0] = pair[0], others[0] = pair[1];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    fds[1] = pair[0], others[1] = pair[1];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    fds[2] = pair[0], others[2] = pair[1];
    fds[3] = tcp_listener(&address, 5);
    CHECK_EQ(pipe(ask), 0);
    CHECK_EQ(pipe(answer), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        while (read(ask[0], &byte, 1) == 1 && byte == 'f') {
            for (int i = 0; i < COUNT; i++) {
                flags = fcntl(fds[i], F_GETFL);
                CHECK_EQ(write(answer[1], &flags, sizeof flags), sizeof flags);
            }
        }
        _exit(0);
    }
    for (int round = 0; round < 2; round++) {
        CHECK_EQ(write(ask[1], "f", 1), 1);
        for (int i = 0; i < COUNT; i++) {
            CHECK_EQ(read(answer[0], &flags, sizeof flags), sizeof flags);
            printf("%d: %s, flags %#o\n", i, round ? "blocked" : "before", flags);
        }
        if (round == 0) {
            for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(reads, (void *)i);
            let_others_block();
        }
    }
    CHECK_EQ(write(ask[1], "q", 1), 1);
    CHECK_EQ(waitpid(child, &flags, 0), child);
    CHECK_EQ(flags, 0);
    for (int i = 0; i < COUNT - 1; i++) CHECK_EQ(write(others[i], "x", 1), 1);
    tcp_connect(&address);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    return 0;
}
