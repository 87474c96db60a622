// A thread can use the whole stack that it asked for: recursion down to 7.5 of 8 MiB, in several threads at a time.
#include "../check.h"

enum { FRAME = 4096, DEPTH = 7 * 1024 * 1024 + 512 * 1024 };

static long recurse(size_t left, long seed) {
    volatile char frame[FRAME];
    for (size_t i = 0; i < FRAME; i += 512) frame[i] = (char)(seed + (long)i);
    if (left == FRAME * 16) let_others_run();
    long below = left > FRAME ? recurse(left - FRAME - 64, seed + 1) : 0;
    for (size_t i = 0; i < FRAME; i += 512) CHECK_EQ(frame[i], (char)(seed + (long)i));
    return below + 1;
}

static void *goes_deep(void *seed) { return (void *)recurse(DEPTH, (long)seed); }

int main(void) {
    pthread_attr_t attributes;
    pthread_t threads[4];
    OK(pthread_attr_init(&attributes));
    OK(pthread_attr_setstacksize(&attributes, 8 << 20));
    for (long round = 0; round < 3; round++) {
        for (long i = 0; i < 4; i++) OK(pthread_create(&threads[i], &attributes, goes_deep, (void *)(i + round)));
        for (int i = 0; i < 4; i++) CHECK((long)join(threads[i]) > DEPTH / (FRAME + 256));
    }
    puts("ok");
    return 0;
}
