// pthread_self is the handle that pthread_create gave; pthread_once runs its function once, and the others wait for it.
#include "../check.h"

enum { COUNT = 32 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_barrier_t barrier;
static int runs, initialised;

static void initialise(void) {
    runs++;
    for (int i = 0; i < 100; i++) let_others_run();
    initialised = 1;
}

static void *calls_once(void *unused UNUSED) {
    pthread_barrier_wait(&barrier);
    OK(pthread_once(&once, initialise));
    CHECK_EQ(initialised, 1);
    return (void *)pthread_self();
}

int main(void) {
    pthread_t threads[COUNT];
    OK(pthread_barrier_init(&barrier, NULL, COUNT));
    for (int i = 0; i < COUNT; i++) threads[i] = start(calls_once, NULL);
    for (int i = 0; i < COUNT; i++) {
        CHECK(!pthread_equal(threads[i], pthread_self()));
        for (int j = 0; j < i; j++) CHECK(!pthread_equal(threads[i], threads[j]));
    }
    for (int i = 0; i < COUNT; i++) {
        pthread_t itself = threads[i];
        CHECK(pthread_equal((pthread_t)join(threads[i]), itself));
    }
    CHECK_EQ(runs, 1);
    puts("ok");
    return 0;
}
