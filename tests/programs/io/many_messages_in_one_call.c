// recvmmsg waits for the first message, then takes what is there (MSG_WAITFORONE) or all it asked for; sendmmsg.
#include "net.h"

enum { COUNT = 8 };

static int pair[2];

static void *sends(void *unused) {
    struct mmsghdr messages[COUNT];
    struct iovec parts[COUNT];
    char bodies[COUNT][16];
    memset(messages, 0, sizeof messages);
    let_others_block();
    for (int i = 0; i < COUNT; i++) {
        int size = snprintf(bodies[i], sizeof bodies[i], "message %d", i);
        parts[i] = (struct iovec){bodies[i], (size_t)size};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK_EQ(sendmmsg(pair[1], messages, 3, 0), 3);
    let_others_block();
    CHECK_EQ(sendmmsg(pair[1], messages + 3, COUNT - 3, 0), COUNT - 3);
    return unused;
}

static int receive(struct mmsghdr *messages, int count, int flags) {
    static struct iovec parts[COUNT];
    static char bodies[COUNT][16];
    memset(messages, 0, sizeof *messages * COUNT);
    memset(bodies, 0, sizeof bodies);
    for (int i = 0; i < COUNT; i++) {
        parts[i] = (struct iovec){bodies[i], sizeof bodies[i]};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    return recvmmsg(pair[0], messages, (unsigned)count, flags, NULL);
}

int main(void) {
    struct mmsghdr messages[COUNT];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    pthread_t sender = start(sends, NULL);
    CHECK_EQ(receive(messages, COUNT, 0), COUNT);
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(messages[i].msg_len, 9);
        CHECK_EQ(((char *)messages[i].msg_hdr.msg_iov->iov_base)[8], '0' + i);
    }
    join(sender);
    sender = start(sends, NULL);
    for (int total = 0; total < COUNT;) {
        int count = receive(messages, COUNT, MSG_WAITFORONE);
        CHECK(count >= 1);
        total += count;
    }
    join(sender);
    FAILS(receive(messages, COUNT, MSG_DONTWAIT), EAGAIN);
    puts("ok");
    return 0;
}
