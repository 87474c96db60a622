// MSG_WAITALL waits for all, MSG_PEEK leaves what it showed, MSG_DONTWAIT does not wait, MSG_TRUNC tells the true size.
#include "net.h"

static int pair[2];
static pthread_barrier_t barrier;

static void *sends_in_pieces(void *unused) {
    for (int i = 0; i < 10; i++) {
        char piece[100];
        memset(piece, 'a' + i, sizeof piece);
        CHECK_EQ(send(pair[1], piece, sizeof piece, 0), sizeof piece);
        if (i % 3 == 0) let_others_block();
    }
    pthread_barrier_wait(&barrier);
    CHECK_EQ(send(pair[1], "short", 5, 0), 5);
    CHECK_EQ(shutdown(pair[1], SHUT_WR), 0);
    return unused;
}

int main(void) {
    char buffer[2000];
    struct sockaddr_in address;
    OK(pthread_barrier_init(&barrier, NULL, 2));
    int listener = tcp_listener(&address, 1);
    for (int kind = 0; kind < 2; kind++) {
        if (kind == 0) {
            CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        } else {
            pair[1] = tcp_connect(&address);
            pair[0] = accept(listener, NULL, NULL);
        }
        FAILS(recv(pair[0], buffer, 1, MSG_DONTWAIT), EAGAIN);
        pthread_t sender = start(sends_in_pieces, NULL);
        CHECK_EQ(recv(pair[0], buffer, 1, MSG_PEEK), 1);
        CHECK_EQ(buffer[0], 'a');
        CHECK_EQ(recv(pair[0], buffer, 1000, MSG_WAITALL), 1000);
        for (int i = 0; i < 1000; i++) CHECK_EQ(buffer[i], 'a' + i / 100);
        FAILS(recv(pair[0], buffer, 1, MSG_DONTWAIT), EAGAIN);
        pthread_barrier_wait(&barrier);
        // The end comes before all.
        CHECK_EQ(recv(pair[0], buffer, 1000, MSG_WAITALL), 5);
        CHECK_EQ(recv(pair[0], buffer, 1000, MSG_WAITALL), 0);
        join(sender);
        close(pair[0]);
        close(pair[1]);
    }
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    CHECK_EQ(send(pair[1], buffer, 600, 0), 600);
    CHECK_EQ(recv(pair[0], buffer, 10, MSG_TRUNC | MSG_PEEK), 600);
    CHECK_EQ(recv(pair[0], buffer, 10, 0), 10);
    puts("ok");
    return 0;
}
