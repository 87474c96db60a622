// A thread in epoll_wait is cancelled.
#include "cancel.h"
#include <sys/epoll.h>
static int epoll;

static void prepare(void) { epoll = epoll_create1(0); }
static void block(void) {
    struct epoll_event event;
    CHECK(epoll_wait(epoll, &event, 1, -1) < 0);
}

int main(void) { return cancel_in_call(); }
