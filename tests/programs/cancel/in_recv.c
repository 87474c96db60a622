// A thread in recv on a socket is cancelled.
#include "cancel.h"
#include <sys/socket.h>
static int pair[2];

static void prepare(void) { CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0); }
static void block(void) {
    char byte;
    CHECK(recv(pair[0], &byte, 1, 0) < 0);
}

int main(void) { return cancel_in_call(); }
