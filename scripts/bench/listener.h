// The listening socket of both echo servers: loopback, a port the kernel picks, printed as `port N`.
#ifndef LISTENER_H
#define LISTENER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "figures.h"

static inline int listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(fd >= 0);
    MUST(bind(fd, (struct sockaddr *)&address, length) == 0);
    MUST(listen(fd, 4096) == 0);
    MUST(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static inline void no_delay(int fd) {
    int on = 1;
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
}

#endif
