// overflow thread|main|pointer: a thread or main recurses without end, or a thread writes where nothing is.
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

static volatile int never;

__attribute__((noinline)) static int recurse(int depth) {
    volatile char frame[1000];
    frame[depth % 1000] = 1;
    return never ? 0 : recurse(depth + 1) + frame[depth % 1000];
}

static void *runs(void *what) {
    pthread_setname_np(pthread_self(), "digger");
    if (strcmp(what, "thread") == 0) recurse(0);
    if (strcmp(what, "pointer") == 0) *(volatile int *)8 = 1;
    return what;
}

int main(int count, char **words) {
    pthread_t thread;
    if (count != 2) return 1;
    pthread_create(&thread, NULL, runs, words[1]);
    pthread_join(thread, NULL);
    return recurse(0);
}
