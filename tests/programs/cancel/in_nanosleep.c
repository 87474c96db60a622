// A thread in nanosleep is cancelled.
#include "cancel.h"

static void prepare(void) {}
static void block(void) {
    struct timespec time = from_ns(1000000000000LL);
    nanosleep(&time, NULL);
}

int main(void) { return cancel_in_call(); }
