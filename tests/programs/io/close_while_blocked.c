// Linux: a close by one thread does not end another's read on that descriptor; the read goes on with the file it began
// with, even when the number has been given to another file by dup2.
#include "net.h"
#include <signal.h>

static int channel[2], other[2];
static volatile int in_call;

static void *reads(void *unused UNUSED) {
    char byte = 0;
    in_call = 1;
    ssize_t count = read(channel[0], &byte, 1);
    // Too late for this round: the descriptor was closed before the call.
    if (count == -1 && errno == EBADF) return (void *)'t';
    CHECK_EQ(count, 1);
    return (void *)(intptr_t)byte;
}

// One round; false if the reader was not in its call in time.
static int round_is_valid(int replace) {
    CHECK_EQ(pipe(channel), 0);
    CHECK_EQ(pipe(other), 0);
    in_call = 0;
    pthread_t reader = start(reads, NULL);
    while (!in_call) let_others_run();
    let_others_block();
    if (replace) CHECK_EQ(dup2(other[0], channel[0]), channel[0]);
    else CHECK_EQ(close(channel[0]), 0);
    let_others_block();
    CHECK_EQ(write(other[1], "o", 1), 1);
    // The blocked read still holds the old read end: this is no EPIPE.
    if (write(channel[1], "c", 1) != 1) CHECK_EQ(errno, EPIPE);
    intptr_t byte = (intptr_t)join(reader);
    close(channel[1]);
    close(other[0]);
    close(other[1]);
    if (replace) close(channel[0]);
    if (byte == 't' || byte == 'o') return 0;
    CHECK_EQ(byte, 'c');
    return 1;
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    for (int replace = 0; replace < 2; replace++) {
        int valid = 0;
        for (int i = 0; i < 20 && !valid; i++) valid = round_is_valid(replace);
        CHECK(valid);
    }
    puts("ok");
    return 0;
}
