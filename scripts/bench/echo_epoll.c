// Echo server, one thread, written by hand as a good event loop is: registered once, edge-triggered, one read and one write per
// request. A read that did not fill the buffer has emptied the socket (epoll(7)), so there is no second read for EAGAIN.
// It keeps no output queue: the load generator has one message under way on each connection, far below any send buffer.
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "listener.h"

static void echo(int fd) {
    char buffer[4096];
    ssize_t got;
    do {
        got = read(fd, buffer, sizeof buffer);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            close(fd);
            return;
        }
        MUST(write(fd, buffer, (size_t)got) == got);
    } while (got == sizeof buffer);
}

int main(void) {
    int listener = listen_somewhere(), poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[512];
    MUST(epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) == 0);
    for (;;) {
        int count = epoll_wait(poller, ready, 512, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd != listener) {
                echo(fd);
                continue;
            }
            MUST((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
            no_delay(fd);
            event = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.fd = fd};
            MUST(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == 0);
        }
    }
}
