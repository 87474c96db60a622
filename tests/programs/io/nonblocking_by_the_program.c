// O_NONBLOCK that the program set itself gives EAGAIN everywhere, from the next call on, and waits again once cleared.
#include "net.h"
#include <sys/ioctl.h>

static void *writes_later(void *fd) {
    let_others_block();
    CHECK_EQ(write((int)(intptr_t)fd, "x", 1), 1);
    return NULL;
}

int main(void) {
    int channel[2], on = 1, off = 0;
    char buffer[65536];
    ssize_t count;
    struct sockaddr_in address;
    CHECK_EQ(pipe(channel), 0);
    for (int round = 0; round < 3; round++) {
        pthread_t writer = start(writes_later, (void *)(intptr_t)channel[1]);
        CHECK_EQ(read(channel[0], buffer, 10), 1);
        join(writer);
        if (round % 2) CHECK_EQ(ioctl(channel[0], FIONBIO, &on), 0);
        else CHECK_EQ(fcntl(channel[0], F_SETFL, O_NONBLOCK), 0);
        FAILS(read(channel[0], buffer, 10), EAGAIN);
        if (round % 2) CHECK_EQ(ioctl(channel[0], FIONBIO, &off), 0);
        else CHECK_EQ(fcntl(channel[0], F_SETFL, 0), 0);
    }
    CHECK_EQ(fcntl(channel[1], F_SETFL, O_NONBLOCK), 0);
    while ((count = write(channel[1], buffer, sizeof buffer)) > 0) {
    }
    CHECK(count == -1 && errno == EAGAIN);
    int listener = tcp_listener(&address, 5);
    CHECK_EQ(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
    FAILS(accept(listener, NULL, NULL), EAGAIN);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int result = connect(client, (struct sockaddr *)&address, sizeof address);
    CHECK(result == 0 || errno == EINPROGRESS);
    struct pollfd both[] = {{.fd = client, .events = POLLOUT}, {.fd = listener, .events = POLLIN}};
    while (!(both[0].revents & POLLOUT) || !(both[1].revents & POLLIN)) CHECK(poll(both, 2, -1) > 0);
    CHECK_EQ(getsockopt(client, SOL_SOCKET, SO_ERROR, &result, &(socklen_t){sizeof result}), 0);
    CHECK_EQ(result, 0);
    // An accepted connection does not inherit the flag.
    int server = accept(listener, NULL, NULL);
    CHECK_EQ(fcntl(server, F_GETFL) & O_NONBLOCK, 0);
    FAILS(recv(client, buffer, 1, 0), EAGAIN);
    FAILS(recv(server, buffer, 1, MSG_DONTWAIT), EAGAIN);
    puts("ok");
    return 0;
}
