// main leaves by pthread_exit; the others run on and the process ends with status 0 when the last one has.
#include "../check.h"

static pthread_t main_thread;

static void *outlives_main(void *unused UNUSED) {
    void *result;
    OK(pthread_join(main_thread, &result));
    printf("main returned %d\n", (int)(intptr_t)result);
    let_others_block();
    puts("the last thread ends");
    return NULL;
}

static void at_exit(void) { puts("atexit runs"); }

int main(void) {
    CHECK_EQ(atexit(at_exit), 0);
    main_thread = pthread_self();
    start(outlives_main, NULL);
    pthread_exit((void *)42);
}
