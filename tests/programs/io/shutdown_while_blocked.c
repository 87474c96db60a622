// shutdown ends the blocked reads (0), accepts (EINVAL) and writes (EPIPE) of other threads.
#include "net.h"
#include <signal.h>

static int pair[2], listener;

static void *reads(void *unused UNUSED) {
    char byte;
    return (void *)recv(pair[0], &byte, 1, 0);
}

static void *accepts(void *unused UNUSED) {
    FAILS(accept(listener, NULL, NULL), EINVAL);
    return NULL;
}

static void *writes(void *unused UNUSED) {
    static char chunk[65536];
    ssize_t count;
    while ((count = send(pair[0], chunk, sizeof chunk, MSG_NOSIGNAL)) > 0) {
    }
    CHECK(count == -1 && errno == EPIPE);
    return NULL;
}

int main(void) {
    struct sockaddr_in address;
    int tcp = tcp_listener(&address, 1);
    for (int kind = 0; kind < 2; kind++) {
        if (kind == 0) {
            CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        } else {
            pair[0] = tcp_connect(&address);
            pair[1] = accept(tcp, NULL, NULL);
        }
        pthread_t reader = start(reads, NULL), writer = start(writes, NULL);
        let_others_block();
        CHECK_EQ(shutdown(pair[0], SHUT_RD), 0);
        CHECK_EQ((intptr_t)join(reader), 0);
        CHECK_EQ(shutdown(pair[0], SHUT_WR), 0);
        join(writer);
    }
    listener = tcp;
    pthread_t acceptor = start(accepts, NULL);
    let_others_block();
    CHECK_EQ(shutdown(listener, SHUT_RDWR), 0);
    join(acceptor);
    puts("ok");
    return 0;
}
