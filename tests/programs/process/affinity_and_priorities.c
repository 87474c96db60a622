// Affinity, scheduling attributes and niceness of threads: what is set is what is read, errors are errors.
#include "../check.h"
#include <sys/resource.h>

static void *sets_its_own(void *unused) {
    cpu_set_t set, read;
    struct sched_param parameters = {.sched_priority = 0};
    int policy;
    OK(pthread_getaffinity_np(pthread_self(), sizeof set, &set));
    CHECK(CPU_COUNT(&set) >= 1);
    int first = 0;
    while (!CPU_ISSET(first, &set)) first++;
    CPU_ZERO(&read);
    CPU_SET(first, &read);
    OK(pthread_setaffinity_np(pthread_self(), sizeof read, &read));
    CPU_ZERO(&read);
    CHECK(sched_getaffinity(0, sizeof read, &read) >= 0);
    CHECK(CPU_COUNT(&read) == 1 && CPU_ISSET(first, &read));
    OK(pthread_setaffinity_np(pthread_self(), sizeof set, &set));
    OK(pthread_getschedparam(pthread_self(), &policy, &parameters));
    CHECK_EQ(policy, SCHED_OTHER);
    OK(pthread_setschedparam(pthread_self(), SCHED_BATCH, &parameters));
    OK(pthread_getschedparam(pthread_self(), &policy, &parameters));
    CHECK_EQ(policy, SCHED_BATCH);
    parameters.sched_priority = 99999;
    CHECK_EQ(pthread_setschedparam(pthread_self(), SCHED_OTHER, &parameters), EINVAL);
    CPU_ZERO(&read);
    CHECK_EQ(pthread_setaffinity_np(pthread_self(), sizeof read, &read), EINVAL);
    return unused;
}

int main(void) {
    cpu_set_t before, after;
    OK(pthread_getaffinity_np(pthread_self(), sizeof before, &before));
    join(start(sets_its_own, NULL));
    OK(pthread_getaffinity_np(pthread_self(), sizeof after, &after));
    CHECK(CPU_EQUAL(&before, &after));
    errno = 0;
    CHECK(getpriority(PRIO_PROCESS, 0) >= -20 && errno == 0);
    puts("ok");
    return 0;
}
