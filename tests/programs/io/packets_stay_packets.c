// SOCK_SEQPACKET and SOCK_DGRAM keep borders: one write, one read; senders block when the queue is full; UDP with peers.
#include "net.h"

enum { COUNT = 2000 };

static int pair[2];

static void *sends(void *unused) {
    char packet[1024];
    for (int i = 0; i < COUNT; i++) {
        size_t size = 1 + (size_t)i % sizeof packet;
        memset(packet, i, sizeof packet);
        CHECK_EQ(write(pair[1], packet, size), size);
    }
    return unused;
}

static void *answers(void *fd) {
    char packet[100];
    struct sockaddr_in peer;
    for (int i = 0; i < 50; i++) {
        socklen_t length = sizeof peer;
        ssize_t size = recvfrom((int)(intptr_t)fd, packet, sizeof packet, 0, (struct sockaddr *)&peer, &length);
        CHECK(size > 0);
        CHECK_EQ(sendto((int)(intptr_t)fd, packet, (size_t)size, 0, (struct sockaddr *)&peer, length), size);
    }
    return NULL;
}

int main(void) {
    int types[] = {SOCK_SEQPACKET, SOCK_DGRAM};
    for (int kind = 0; kind < 2; kind++) {
        char packet[2048];
        CHECK_EQ(socketpair(AF_UNIX, types[kind], 0, pair), 0);
        pthread_t sender = start(sends, NULL);
        for (int i = 0; i < COUNT; i++) {
            CHECK_EQ(read(pair[0], packet, sizeof packet), 1 + i % 1024);
            CHECK_EQ(packet[0], (char)i);
        }
        join(sender);
        close(pair[0]);
        close(pair[1]);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(bind(server, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(getsockname(server, (struct sockaddr *)&address, &length), 0);
    CHECK_EQ(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    pthread_t answerer = start(answers, (void *)(intptr_t)server);
    for (int i = 0; i < 50; i++) {
        char packet[100] = {(char)i};
        CHECK_EQ(send(client, packet, 1 + (size_t)i, 0), 1 + i);
        CHECK_EQ(recv(client, packet, sizeof packet, 0), 1 + i);
        CHECK_EQ(packet[0], (char)i);
    }
    join(answerer);
    puts("ok");
    return 0;
}
