// A thread-per-connection echo server: the plainest way to write a server, and the one that needs a kernel thread per client.
//
//   cc -O2 -pthread -o echo_server examples/echo_server.c
//   ./echo_server PORT [CLIENTS]           (PORT 0: any free one)
//
// It prints the port it listens on. After CLIENTS clients have come and gone it says how many kernel threads that took, and
// ends; without CLIENTS it serves for ever. Run it under `patchall` and only the last figure changes.
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel_threads.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t client_left = PTHREAD_COND_INITIALIZER;
static int connected, most_connected, served, most_kernel_threads;

static void client_came(void) {
    pthread_mutex_lock(&lock);
    if (++connected > most_connected) {
        most_connected = connected;
        int now = kernel_threads();
        if (now > most_kernel_threads) most_kernel_threads = now;
    }
    pthread_mutex_unlock(&lock);
}

static void client_went(void) {
    pthread_mutex_lock(&lock);
    connected--;
    served++;
    pthread_cond_signal(&client_left);
    pthread_mutex_unlock(&lock);
}

// One of these runs for each connection. Every call in it blocks, and that is all right.
static void *serve(void *arg) {
    int fd = (int)(long)arg;
    char buffer[4096];
    ssize_t got;

    client_came();
    while ((got = read(fd, buffer, sizeof buffer)) > 0) {
        for (ssize_t sent = 0; sent < got;) {
            ssize_t n = write(fd, buffer + sent, got - sent);
            if (n < 0) goto gone;
            sent += n;
        }
    }
gone:
    close(fd);
    client_went();
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s PORT [CLIENTS]\n", argv[0]);
        return 2;
    }
    int clients = argc > 2 ? atoi(argv[2]) : 0;

    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(atoi(argv[1]))};
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096) ||
        getsockname(listener, (struct sockaddr *)&address, &length)) {
        perror("echo_server: cannot listen");
        return 1;
    }
    printf("listening on port %d\n", ntohs(address.sin_port));
    fflush(stdout);

    for (int accepted = 0; clients == 0 || accepted < clients; accepted++) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            perror("echo_server: accept");
            return 1;
        }
        pthread_t thread;
        int error = pthread_create(&thread, NULL, serve, (void *)(long)fd);
        if (error) {
            fprintf(stderr, "echo_server: no thread for client %d (error %d)\n", accepted + 1, error);
            return 1;
        }
        pthread_detach(thread);
    }

    pthread_mutex_lock(&lock);
    while (served < clients) pthread_cond_wait(&client_left, &lock);
    printf("clients served:      %d\n", served);
    printf("connected at once:   %d\n", most_connected);
    printf("kernel threads used: %d\n", most_kernel_threads);
    pthread_mutex_unlock(&lock);
    return 0;
}
