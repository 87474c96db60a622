// A thread in accept is cancelled.
#include "cancel.h"
#include <netinet/in.h>
#include <sys/socket.h>
static int listener;

static void prepare(void) {
    listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(listen(listener, 5), 0);
}
static void block(void) { CHECK(accept(listener, NULL, NULL) < 0); }

int main(void) { return cancel_in_call(); }
