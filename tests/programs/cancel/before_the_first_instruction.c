// A thread that is cancelled right after its creation ends at its first cancellation point or returns by itself.
#include "../check.h"

static void *reaches_a_point(void *unused) {
    pthread_testcancel();
    usleep(1000000000);
    return unused;
}

static void *reaches_none(void *argument) { return argument; }

int main(void) {
    for (int i = 0; i < 200; i++) {
        pthread_t first = start(reaches_a_point, NULL), second = start(reaches_none, &i);
        OK(pthread_cancel(first));
        OK(pthread_cancel(second));
        CHECK(join(first) == PTHREAD_CANCELED);
        void *result = join(second);
        CHECK(result == PTHREAD_CANCELED || result == &i);
    }
    puts("ok");
    return 0;
}
