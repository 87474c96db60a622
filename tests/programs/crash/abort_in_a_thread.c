// abort() in a thread: SIGABRT, its handler runs first, in that thread.
// harness: exit=signal:6
#include "../check.h"
#include <signal.h>

static __thread int aborting;

static void handler(int signal UNUSED) { dprintf(1, aborting ? "in the thread\n" : "elsewhere\n"); }

static void *aborts(void *unused UNUSED) {
    aborting = 1;
    abort();
}

static void *sleeps(void *unused) {
    sleep(1000);
    return unused;
}

int main(void) {
    signal(SIGABRT, handler);
    start(sleeps, NULL);
    join(start(aborts, NULL));
    return 0;
}
