// Sockets for the test programs: everything on the loopback, ports chosen by the kernel.
#pragma once
#include "../check.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

// A TCP listener; its address comes back in `address`.
UNUSED static int tcp_listener(struct sockaddr_in *address, int backlog) {
    socklen_t length = sizeof *address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(listener >= 0);
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(bind(listener, (struct sockaddr *)address, sizeof *address), 0);
    CHECK_EQ(listen(listener, backlog), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)address, &length), 0);
    return listener;
}

UNUSED static int tcp_connect(const struct sockaddr_in *address) {
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connection >= 0);
    CHECK_EQ(connect(connection, (const struct sockaddr *)address, sizeof *address), 0);
    return connection;
}

UNUSED static void write_all(int fd, const void *data, size_t size) {
    const char *bytes = data;
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);
        CHECK(count > 0);
        bytes += count;
        size -= (size_t)count;
    }
}

// Reads until `size` bytes or the end; returns how many.
UNUSED static size_t read_up_to(int fd, void *data, size_t size) {
    char *bytes = data;
    size_t done = 0;
    while (done < size) {
        ssize_t count = read(fd, bytes + done, size - done);
        CHECK(count >= 0);
        if (count == 0) break;
        done += (size_t)count;
    }
    return done;
}

// Copies what comes back to where it came from, until the end.
UNUSED static void echo(int fd) {
    char buffer[4096];
    ssize_t count;
    while ((count = read(fd, buffer, sizeof buffer)) > 0) write_all(fd, buffer, (size_t)count);
    CHECK_EQ(count, 0);
    CHECK_EQ(close(fd), 0);
}

// Sends `rounds` messages of growing size and expects each back.
UNUSED static void expect_echo(int fd, int rounds, unsigned seed) {
    char sent[512], received[512];
    for (int round = 0; round < rounds; round++) {
        size_t size = 1 + (seed + (unsigned)round * 37) % sizeof sent;
        memset(sent, (int)(seed + (unsigned)round), size);
        write_all(fd, sent, size);
        CHECK_EQ(read_up_to(fd, received, size), size);
        CHECK_EQ(memcmp(sent, received, size), 0);
    }
}
