// A thread in poll is cancelled.
#include "cancel.h"
#include <poll.h>
static void prepare(void) {}
static void block(void) { CHECK(poll(NULL, 0, -1) < 0); }

int main(void) { return cancel_in_call(); }
