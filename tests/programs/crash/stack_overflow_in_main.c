// main recurses without end while threads are there: the process dies by SIGSEGV.
// harness: exit=signal:11
// harness: stderr=ignore
#include "../check.h"

static volatile int never;

__attribute__((noinline)) static int recurse(int depth) {
    volatile char frame[1000];
    frame[depth % 1000] = 1;
    if (never) return 0;
    return recurse(depth + 1) + frame[depth % 1000];
}

static void *sleeps(void *unused) {
    sleep(1000);
    return unused;
}

int main(void) {
    start(sleeps, NULL);
    return recurse(0);
}
