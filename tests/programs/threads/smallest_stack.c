// Threads with PTHREAD_STACK_MIN: switches, sleeps and locks fit into what the kernel's would have left.
#include "../check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long total;

static void *adds(void *argument) {
    for (int i = 0; i < 50; i++) {
        OK(pthread_mutex_lock(&lock));
        total += (intptr_t)argument;
        OK(pthread_mutex_unlock(&lock));
        let_others_run();
    }
    usleep(1000);
    return NULL;
}

int main(void) {
    pthread_attr_t attributes;
    pthread_t threads[20];
    OK(pthread_attr_init(&attributes));
    CHECK_EQ(pthread_attr_setstacksize(&attributes, 1024), EINVAL);
    OK(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN));
    for (intptr_t i = 0; i < 20; i++) OK(pthread_create(&threads[i], &attributes, adds, (void *)i));
    for (int i = 0; i < 20; i++) join(threads[i]);
    printf("total %ld\n", total);
    return 0;
}
