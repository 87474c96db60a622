// A thread per connection serves a hundred clients, each a thread too, over TCP.
#include "net.h"

enum { CLIENTS = 100, ROUNDS = 30 };

static struct sockaddr_in address;
static int listener;

static void *serves(void *fd) {
    echo((int)(intptr_t)fd);
    return NULL;
}

static void *accepts(void *unused) {
    static pthread_t servers[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        int connection = accept(listener, NULL, NULL);
        CHECK(connection >= 0);
        servers[i] = start(serves, (void *)(intptr_t)connection);
    }
    for (int i = 0; i < CLIENTS; i++) join(servers[i]);
    return unused;
}

static void *asks(void *seed) {
    int connection = tcp_connect(&address);
    expect_echo(connection, ROUNDS, (unsigned)(intptr_t)seed);
    CHECK_EQ(close(connection), 0);
    return NULL;
}

int main(void) {
    static pthread_t clients[CLIENTS];
    listener = tcp_listener(&address, 128);
    pthread_t acceptor = start(accepts, NULL);
    for (intptr_t i = 0; i < CLIENTS; i++) clients[i] = start(asks, (void *)i);
    for (int i = 0; i < CLIENTS; i++) join(clients[i]);
    join(acceptor);
    puts("ok");
    return 0;
}
