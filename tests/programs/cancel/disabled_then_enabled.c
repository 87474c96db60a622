// While cancellation is disabled, calls complete and the request stays pending; it is honoured once enabled again.
#include "../check.h"

static int channel[2], survived;
static pthread_barrier_t gate;

static void *disables(void *unused UNUSED) {
    int old;
    char byte;
    OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
    CHECK_EQ(old, PTHREAD_CANCEL_ENABLE);
    pthread_barrier_wait(&gate);
    CHECK_EQ(read(channel[0], &byte, 1), 1);
    pthread_testcancel();
    usleep(1000);
    survived = 1;
    OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old));
    CHECK_EQ(old, PTHREAD_CANCEL_DISABLE);
    pthread_testcancel();
    CHECK(!"pthread_testcancel returned");
    return NULL;
}

int main(void) {
    CHECK_EQ(pipe(channel), 0);
    OK(pthread_barrier_init(&gate, NULL, 2));
    pthread_t thread = start(disables, NULL);
    pthread_barrier_wait(&gate);
    let_others_block();
    OK(pthread_cancel(thread));
    CHECK_EQ(write(channel[1], "x", 1), 1);
    CHECK(join(thread) == PTHREAD_CANCELED);
    CHECK(survived);
    puts("ok");
    return 0;
}
