// A thread in read of an empty pipe is cancelled.
#include "cancel.h"

static int channel[2];

static void prepare(void) { CHECK_EQ(pipe(channel), 0); }
static void block(void) {
    char byte;
    CHECK(read(channel[0], &byte, 1) < 0);
}

int main(void) { return cancel_in_call(); }
