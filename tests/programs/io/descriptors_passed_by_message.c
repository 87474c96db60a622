// sendmsg and recvmsg pass descriptors (SCM_RIGHTS) and credentials between threads; the new one works and blocks.
#include "net.h"

static int pair[2];

static void send_descriptor(int socket, int fd) {
    char byte = 'd';
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    CHECK_EQ(sendmsg(socket, &message, 0), 1);
}

static int receive_descriptor(int socket) {
    char byte;
    int fd;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    CHECK_EQ(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), 1);
    CHECK_EQ(message.msg_flags, MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    CHECK(header && header->cmsg_type == SCM_RIGHTS);
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    return fd;
}

static void *receives(void *unused) {
    for (int i = 0; i < 20; i++) {
        int fd = receive_descriptor(pair[1]), value;
        CHECK_EQ(read(fd, &value, sizeof value), sizeof value);
        CHECK_EQ(value, i);
        CHECK_EQ(close(fd), 0);
    }
    return unused;
}

int main(void) {
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pthread_t receiver = start(receives, NULL);
    for (int i = 0; i < 20; i++) {
        int channel[2];
        CHECK_EQ(pipe(channel), 0);
        send_descriptor(pair[0], channel[0]);
        CHECK_EQ(close(channel[0]), 0);
        if (i % 5 == 0) let_others_block();
        CHECK_EQ(write(channel[1], &i, sizeof i), sizeof i);
        CHECK_EQ(close(channel[1]), 0);
    }
    join(receiver);
    puts("ok");
    return 0;
}
