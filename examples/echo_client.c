// 500 threads, each of them one client of an echo server: connect, then send and receive, blocking all the way.
//
//   cc -O2 -pthread -o echo_client examples/echo_client.c
//   ./echo_client PORT [CLIENTS [MESSAGES]]
//
// All clients are connected at the same time: they meet at a barrier after their first message. Every byte that comes back is
// compared with what was sent. Natively this is a process of 501 kernel threads.
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kernel_threads.h"

enum { MESSAGE = 64 };

static int port, messages = 4;
static pthread_barrier_t all_connected, counted;
static atomic_int echoed, wrong;

// Sends one message that no other client sends, and checks the answer.
static int exchange(int fd, int client, int number) {
    char sent[MESSAGE], back[MESSAGE];
    memset(sent, '.', sizeof sent);
    snprintf(sent, sizeof sent, "client %d, message %d", client, number);
    if (write(fd, sent, MESSAGE) != MESSAGE) return 0;
    for (int got = 0; got < MESSAGE;) {
        ssize_t n = read(fd, back + got, MESSAGE - got);
        if (n <= 0) return 0;
        got += n;
    }
    return memcmp(sent, back, MESSAGE) == 0;
}

static void *client(void *arg) {
    int number = (int)(long)arg;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int good = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

    for (int i = 0; i < messages; i++) {
        if (good && exchange(fd, number, i)) echoed++;
        else wrong++;
        if (i == 0) { // everybody is here: let main count
            pthread_barrier_wait(&all_connected);
            pthread_barrier_wait(&counted);
        }
    }
    close(fd);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s PORT [CLIENTS [MESSAGES]]\n", argv[0]);
        return 2;
    }
    port = atoi(argv[1]);
    int clients = argc > 2 ? atoi(argv[2]) : 500;
    if (argc > 3) messages = atoi(argv[3]);
    if (clients < 1 || messages < 1) {
        fprintf(stderr, "echo_client: CLIENTS and MESSAGES are at least 1\n");
        return 2;
    }
    pthread_t *threads = calloc(clients, sizeof *threads);
    pthread_barrier_init(&all_connected, NULL, clients + 1);
    pthread_barrier_init(&counted, NULL, clients + 1);

    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (long i = 0; i < clients; i++) {
        int error = pthread_create(&threads[i], NULL, client, (void *)i);
        if (error) {
            fprintf(stderr, "echo_client: no thread for client %ld: %s\n", i + 1, strerror(error));
            return 1;
        }
    }
    pthread_barrier_wait(&all_connected);
    int kernel = kernel_threads();
    pthread_barrier_wait(&counted);
    for (int i = 0; i < clients; i++) pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);

    printf("clients:             %d\n", clients);
    printf("messages echoed:     %d\n", echoed);
    printf("messages wrong:      %d\n", wrong);
    printf("kernel threads used: %d\n", kernel);
    printf("seconds:             %.2f\n", after.tv_sec - before.tv_sec + (after.tv_nsec - before.tv_nsec) / 1e9);
    return wrong ? 1 : 0;
}
