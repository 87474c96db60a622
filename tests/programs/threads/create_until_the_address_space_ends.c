// Threads with large stacks until RLIMIT_AS is used up: EAGAIN, never a crash; those that were made end well, and then
// there is room again.
#include "../check.h"
#include <sys/resource.h>

enum { MOST = 200 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *waits(void *argument) {
    OK(pthread_mutex_lock(&gate));
    OK(pthread_mutex_unlock(&gate));
    return argument;
}

int main(void) {
    static pthread_t threads[MOST];
    pthread_attr_t large;
    struct rlimit limit;
    int made = 0, error = 0;
    join(start(waits, NULL));
    CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = 4UL << 30;
    CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    OK(pthread_attr_init(&large));
    OK(pthread_attr_setstacksize(&large, 256 << 20));
    OK(pthread_mutex_lock(&gate));
    while (made < MOST && (error = pthread_create(&threads[made], &large, waits, NULL)) == 0) made++;
    CHECK_EQ(error, EAGAIN);
    OK(pthread_mutex_unlock(&gate));
    for (int i = 0; i < made; i++) join(threads[i]);
    OK(pthread_create(&threads[0], &large, waits, NULL));
    join(threads[0]);
    puts(made > 0 && made < 20 ? "some, then EAGAIN" : "none or too many");
    return 0;
}
