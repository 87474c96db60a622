// A constructor of the program makes a thread before main: it runs, and main can join it.
#include "../check.h"

static pthread_t early;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int before_main;

static void *waits_for_main(void *argument) {
    __atomic_store_n(&before_main, 1, __ATOMIC_SEQ_CST);
    OK(pthread_mutex_lock(&gate));
    OK(pthread_mutex_unlock(&gate));
    return argument;
}

__attribute__((constructor)) static void makes_a_thread(void) {
    OK(pthread_mutex_lock(&gate));
    early = start(waits_for_main, (void *)17);
    while (!__atomic_load_n(&before_main, __ATOMIC_SEQ_CST)) let_others_run();
}

static void *returns(void *argument) { return argument; }

int main(void) {
    printf("ran before main: %d\n", before_main);
    OK(pthread_mutex_unlock(&gate));
    printf("joined: %d\n", (int)(intptr_t)join(early));
    printf("another: %d\n", (int)(intptr_t)join(start(returns, (void *)18)));
    return 0;
}
