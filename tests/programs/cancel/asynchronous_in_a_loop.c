// Asynchronous cancellation ends a thread in the middle of a computation that calls nothing; cleanup handlers run.
#include "../check.h"

static volatile int running;
static volatile unsigned long counter;
static int cleaned;

static void cleanup(void *unused UNUSED) { cleaned++; }

static void *computes(void *unused UNUSED) {
    int old;
    pthread_cleanup_push(cleanup, NULL);
    OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old));
    CHECK_EQ(old, PTHREAD_CANCEL_DEFERRED);
    running = 1;
    for (;;) counter++;
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void) {
    for (int i = 1; i <= 5; i++) {
        running = 0;
        pthread_t thread = start(computes, NULL);
        while (!running) let_others_run();
        OK(pthread_cancel(thread));
        CHECK(join(thread) == PTHREAD_CANCELED);
        CHECK_EQ(cleaned, i);
    }
    puts("ok");
    return 0;
}
