// Values go into threads as arguments and come back through pthread_join, in any order of joining.
#include "../check.h"

enum { COUNT = 200 };

static void *doubles(void *argument) { return (void *)((intptr_t)argument * 2); }

static void *exits(void *argument) {
    pthread_exit((void *)((intptr_t)argument + 1000));
    return NULL;
}

int main(void) {
    pthread_t threads[COUNT];
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(i % 2 ? exits : doubles, (void *)i);
    long sum = 0;
    for (intptr_t i = COUNT - 1; i >= 0; i--) {
        intptr_t value = (intptr_t)join(threads[i]);
        CHECK_EQ(value, i % 2 ? i + 1000 : i * 2);
        sum += value;
    }
    printf("sum %ld\n", sum);
    return 0;
}
