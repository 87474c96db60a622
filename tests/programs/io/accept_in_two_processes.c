// harness: kernel-threads=+6
// A prefork server: two processes of sixteen accepting threads each share a listener; each of 200 connections is served
// once, and no thread gets stuck on a connection that the other process took.
#include "net.h"
#include <signal.h>
#include <sys/wait.h>

enum { PROCESSES = 2, THREADS = 16, CONNECTIONS = 200 };

static int listener;

static void *serves(void *unused) {
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        CHECK(connection >= 0);
        char byte;
        CHECK_EQ(read(connection, &byte, 1), 1);
        CHECK_EQ(write(connection, &byte, 1), 1);
        CHECK_EQ(read(connection, &byte, 1), 0);
        CHECK_EQ(close(connection), 0);
    }
    return unused;
}

static void *asks(void *address) {
    for (int i = 0; i < CONNECTIONS / 4; i++) {
        char byte = (char)i;
        int connection = tcp_connect(address);
        CHECK_EQ(write(connection, &byte, 1), 1);
        CHECK_EQ(read(connection, &byte, 1), 1);
        CHECK_EQ(byte, (char)i);
        CHECK_EQ(close(connection), 0);
    }
    return NULL;
}

int main(void) {
    struct sockaddr_in address;
    pid_t servers[PROCESSES];
    pthread_t clients[4];
    listener = tcp_listener(&address, 128);
    for (int i = 0; i < PROCESSES; i++) {
        servers[i] = fork();
        if (servers[i] == 0) {
            for (int j = 0; j < THREADS; j++) start(serves, NULL);
            for (;;) pause();
        }
    }
    close(listener);
    for (int i = 0; i < 4; i++) clients[i] = start(asks, &address);
    for (int i = 0; i < 4; i++) join(clients[i]);
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        CHECK_EQ(kill(servers[i], SIGTERM), 0);
        CHECK_EQ(waitpid(servers[i], &status, 0), servers[i]);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    }
    puts("ok");
    return 0;
}
