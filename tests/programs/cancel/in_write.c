// A thread in write to a full pipe is cancelled.
#include "cancel.h"
#include <fcntl.h>
static int channel[2];

static void prepare(void) { CHECK_EQ(pipe(channel), 0); }
static void block(void) {
    static char chunk[65536];
    for (;;) CHECK(write(channel[1], chunk, sizeof chunk) > 0);
}

int main(void) { return cancel_in_call(); }
