// A thread recurses without end: the process dies by SIGSEGV, whatever lies below the stack is untouched.
// What patchall says about it goes to standard error.
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

static void *recurses(void *unused UNUSED) { return (void *)(intptr_t)recurse(0); }

int main(void) {
    join(start(recurses, NULL));
    return 0;
}
