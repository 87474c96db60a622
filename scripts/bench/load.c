// Load for an echo server: CONNECTIONS connections, one message under way on each, the next one sent when the last came back.
//
//   load -p PORT -c CONNECTIONS [-b BYTES] [-w WARMUP_S] (-t SECONDS -P SERVER_PID | -n REQUESTS)
//
// With -t it measures a window after the warm-up and prints how much CPU time the server used per request in it; with -n it stops
// after so many requests (to count system calls over a known number). Each answer is compared with what was sent.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "listener.h"

struct connection {
    int fd;
    int got; // bytes of the answer that have come
};

static int bytes = 64;
static char *message, *answer; // the answers of all connections: they come in order, but in pieces
static long requests;

static void send_one(struct connection *c) {
    c->got = 0;
    MUST(send(c->fd, message, (size_t)bytes, MSG_NOSIGNAL) == bytes);
}

// Reads what there is; true when the answer is complete.
static int receive(struct connection *c) {
    ssize_t n = recv(c->fd, answer, (size_t)(bytes - c->got), 0);
    if (n < 0 && errno == EAGAIN) return 0;
    MUST(n > 0);
    if (memcmp(answer, message + c->got, (size_t)n) != 0) {
        fprintf(stderr, "load: an answer differs from the message\n");
        exit(1);
    }
    c->got += (int)n;
    return c->got == bytes;
}

static double cpu_of(pid_t pid) {
    clockid_t clock;
    struct timespec used;
    if ((errno = clock_getcpuclockid(pid, &clock)) || clock_gettime(clock, &used)) {
        perror("load: the server's CPU clock");
        exit(1);
    }
    return (double)used.tv_sec * 1e9 + (double)used.tv_nsec;
}

static void connect_to(struct connection *c, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    MUST((c->fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    MUST(connect(c->fd, (struct sockaddr *)&address, sizeof address) == 0);
    // Closed by reset, so that thousands of rounds leave no port in TIME_WAIT.
    struct linger reset = {1, 0};
    MUST(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    no_delay(c->fd);
    MUST(fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0);
}

int main(int argc, char **argv) {
    int port = 0, count = 100, option;
    long limit = 0;
    double seconds = 0, warmup = 0.3;
    pid_t server = 0;
    while ((option = getopt(argc, argv, "p:c:b:w:t:n:P:")) != -1) {
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'c': count = atoi(optarg); break;
        case 'b': bytes = atoi(optarg); break;
        case 'w': warmup = atof(optarg); break;
        case 't': seconds = atof(optarg); break;
        case 'n': limit = atol(optarg); break;
        case 'P': server = atoi(optarg); break;
        default: return 2;
        }
    }
    if (!port || (seconds > 0) == (limit > 0) || (seconds > 0 && !server)) {
        fprintf(stderr, "usage: load -p PORT -c CONNECTIONS [-b BYTES] [-w WARMUP_S] (-t SECONDS -P SERVER_PID | -n REQUESTS)\n");
        return 2;
    }
    message = malloc((size_t)bytes);
    answer = malloc((size_t)bytes);
    for (int i = 0; i < bytes; i++) message[i] = (char)(i * 7 + 1);

    struct connection *connections = calloc((size_t)count, sizeof *connections);
    int poller = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        connect_to(&connections[i], port);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        MUST(epoll_ctl(poller, EPOLL_CTL_ADD, connections[i].fd, &event) == 0);
    }
    for (int i = 0; i < count; i++) send_one(&connections[i]);

    // The window is open from `opens` on, once each connection had time to get its thread and its first answer.
    double opens = nanoseconds() + warmup * 1e9, opened = 0, cpu = 0;
    long before = 0;
    struct epoll_event ready[512];
    for (;;) {
        int n = epoll_wait(poller, ready, 512, 10000);
        if (n == 0) {
            fprintf(stderr, "load: no answer for ten seconds, after %ld requests\n", requests);
            return 1;
        }
        for (int i = 0; i < n; i++) {
            struct connection *c = &connections[ready[i].data.u32];
            if (!receive(c)) continue;
            requests++;
            if (limit == 0 || requests + count <= limit) send_one(c);
            if (requests == limit) {
                figure("requests", (double)requests);
                return 0;
            }
        }
        double now = nanoseconds();
        if (seconds > 0 && !opened && now >= opens) {
            opened = nanoseconds();
            before = requests;
            cpu = cpu_of(server);
        } else if (opened && now >= opened + seconds * 1e9) {
            cpu = cpu_of(server) - cpu;
            figure("cpu_ns_per_request", cpu / (double)(requests - before));
            figure("requests_per_second", (double)(requests - before) / ((now - opened) / 1e9));
            return 0;
        }
    }
}
