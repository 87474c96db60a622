// A thread in select is cancelled.
#include "cancel.h"
#include <sys/select.h>
static int channel[2];

static void prepare(void) { CHECK_EQ(pipe(channel), 0); }
static void block(void) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(channel[0], &set);
    CHECK(select(channel[0] + 1, &set, NULL, NULL, NULL) < 0);
}

int main(void) { return cancel_in_call(); }
