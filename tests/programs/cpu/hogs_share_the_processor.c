// Eight hogs each do a fixed piece of work and each sees the others make progress before it is done.
#include "../check.h"

enum { COUNT = 8 };

static volatile unsigned long progress[COUNT];

static void *computes(void *argument) {
    int own = (int)(intptr_t)argument;
    for (;;) {
        for (int i = 0; i < 10000; i++) progress[own]++;
        int all = 1;
        for (int i = 0; i < COUNT; i++) all &= progress[i] >= 100000;
        if (all) return NULL;
    }
}

int main(void) {
    pthread_t threads[COUNT];
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(computes, (void *)i);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    puts("all made progress");
    return 0;
}
