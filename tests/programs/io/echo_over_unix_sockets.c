// harness: kernel-threads=+66
// Echo over UNIX stream sockets with an abstract name and over socket pairs; accept4 sets the flags it is asked for.
#include "net.h"

enum { CLIENTS = 40, ROUNDS = 20 };

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t length;
static int listener;

static void *serves(void *fd) {
    echo((int)(intptr_t)fd);
    return NULL;
}

static void *asks(void *seed) {
    int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(connect(connection, (struct sockaddr *)&address, length), 0);
    expect_echo(connection, ROUNDS, (unsigned)(intptr_t)seed);
    CHECK_EQ(close(connection), 0);
    return NULL;
}

static void *asks_over_a_pair(void *seed) {
    int pair[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pthread_t server = start(serves, (void *)(intptr_t)pair[1]);
    expect_echo(pair[0], ROUNDS, (unsigned)(intptr_t)seed);
    CHECK_EQ(close(pair[0]), 0);
    join(server);
    return NULL;
}

int main(void) {
    pthread_t clients[CLIENTS], servers[CLIENTS / 2];
    int written = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "echo-%d", getpid());
    length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)written);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, length), 0);
    CHECK_EQ(listen(listener, 5), 0);
    for (intptr_t i = 0; i < CLIENTS; i++) clients[i] = start(i % 2 ? asks : asks_over_a_pair, (void *)i);
    for (int i = 0; i < CLIENTS / 2; i++) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        CHECK(connection >= 0);
        CHECK_EQ(fcntl(connection, F_GETFD), FD_CLOEXEC);
        CHECK_EQ(fcntl(connection, F_GETFL) & O_NONBLOCK, 0);
        servers[i] = start(serves, (void *)(intptr_t)connection);
    }
    for (int i = 0; i < CLIENTS; i++) join(clients[i]);
    for (int i = 0; i < CLIENTS / 2; i++) join(servers[i]);
    puts("ok");
    return 0;
}
