// Nobody handles SIGPIPE: the thread's write kills the process.
// harness: exit=signal:13
#include "../check.h"

static void *writes(void *unused) {
    int channel[2];
    CHECK_EQ(pipe(channel), 0);
    close(channel[0]);
    CHECK_EQ(write(channel[1], "x", 1), 0);
    return unused;
}

int main(void) {
    join(start(writes, NULL));
    return 0;
}
