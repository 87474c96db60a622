// Deferred cancellation does not touch a computing thread; it acts at the next cancellation point. A mutex is none.
#include "../check.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int running, cancelled, reached;

static void *computes(void *unused UNUSED) {
    running = 1;
    while (!cancelled) {
    }
    OK(pthread_mutex_lock(&mutex));
    OK(pthread_mutex_unlock(&mutex));
    reached = 1;
    pthread_testcancel();
    CHECK(!"pthread_testcancel returned");
    return NULL;
}

int main(void) {
    pthread_t thread = start(computes, NULL);
    while (!running) let_others_run();
    OK(pthread_mutex_lock(&mutex));
    OK(pthread_cancel(thread));
    cancelled = 1;
    let_others_block();
    OK(pthread_mutex_unlock(&mutex));
    CHECK(join(thread) == PTHREAD_CANCELED);
    CHECK(reached);
    puts("ok");
    return 0;
}
