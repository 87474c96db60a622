// harness: kernel-threads=+4
// main waits in the kernel for a page that another thread of the program gives it, later: without a hand-over nobody would
// go on with one carrier. Meanwhile a third one ticks.
#include "stuck.h"

static void *serves(void *unused) {
    CHECK_EQ(next_fault(), 0);
    struct timespec time = from_ns(700000000);
    nanosleep(&time, NULL);
    let_go(0, 'm');
    return unused;
}

int main(int argc, char **argv) {
    (void)argv;
    make_pages(1);
    pthread_t server = start(serves, NULL), ticker = start(ticks, NULL);
    let_others_block();
    CHECK_EQ(((volatile char *)pages)[5], 'm');
    stop_ticker(ticker, argc > 1);
    join(server);
    // A call that blocks when it is served by a spare, or by main again.
    let_others_block();
    CHECK(longest_gap < 500000000);
    puts("done");
    return 0;
}
