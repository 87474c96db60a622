// __thread variables: initial values, alignment up to a page, one instance for each thread.
#include "../check.h"

enum { COUNT = 50 };

static __thread int initialised = 12345;
static __thread int zero;
static __thread char aligned64[64] __attribute__((aligned(64))) = "sixty-four";
static __thread char aligned4096[128] __attribute__((aligned(4096)));

static void *uses_tls(void *argument) {
    int own = (int)(intptr_t)argument;
    CHECK_EQ(initialised, 12345);
    CHECK_EQ(zero, 0);
    CHECK_EQ((uintptr_t)aligned64 % 64, 0);
    CHECK_EQ((uintptr_t)aligned4096 % 4096, 0);
    CHECK_EQ(strcmp(aligned64, "sixty-four"), 0);
    for (int round = 0; round < 100; round++) {
        initialised = zero = own + round;
        memset(aligned4096, own, sizeof aligned4096);
        let_others_run();
        CHECK_EQ(initialised, own + round);
        CHECK_EQ(zero, own + round);
        for (size_t i = 0; i < sizeof aligned4096; i++) CHECK_EQ(aligned4096[i], (char)own);
    }
    return &zero;
}

int main(void) {
    pthread_t threads[COUNT];
    uses_tls((void *)99);
    int *address = &zero;
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(uses_tls, (void *)i);
    for (int i = 0; i < COUNT; i++) CHECK(join(threads[i]) != address);
    CHECK_EQ(zero, 99 + 99);
    puts("ok");
    return 0;
}
