// A signal without a handler, sent to one thread, kills the whole process with the right status.
// harness: exit=signal:15
#include "../check.h"
#include <signal.h>

static void *sleeps(void *unused) {
    sleep(1000);
    return unused;
}

int main(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) threads[i] = start(sleeps, NULL);
    puts("about to be killed");
    fflush(stdout);
    OK(pthread_kill(threads[2], SIGTERM));
    join(threads[0]);
    return 0;
}
