// A stack that the address space limit does not allow: pthread_create answers EAGAIN, and the next one succeeds.
#include "../check.h"
#include <sys/resource.h>

static void *returns(void *argument) { return argument; }

int main(void) {
    pthread_attr_t huge;
    pthread_t thread;
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = 64UL << 30;
    CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    OK(pthread_attr_init(&huge));
    OK(pthread_attr_setstacksize(&huge, 1UL << 40));
    CHECK_EQ(pthread_create(&thread, &huge, returns, NULL), EAGAIN);
    CHECK(join(start(returns, &huge)) == &huge);
    CHECK_EQ(pthread_create(&thread, &huge, returns, NULL), EAGAIN);
    puts("ok");
    return 0;
}
