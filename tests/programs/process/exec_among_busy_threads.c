// exec while other threads compute, and are signalled: what makes them take turns does not reach the new program.
// harness: threads=any
#include "../check.h"
#include <signal.h>

static volatile int started;

static void handler(int signal UNUSED) {
}

static void *computes(void *unused) {
    for (;;) started = 1;
    return unused;
}

int main(int count, char **arguments) {
    int left = count > 1 ? atoi(arguments[1]) : 60;
    char next[20];
    struct sigaction action = {.sa_handler = handler};
    if (left == 0) {
        puts("ok");
        return 0;
    }
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (int i = 0; i < 2; i++) start(computes, NULL);
    while (!started) let_others_run();
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    snprintf(next, sizeof next, "%d", left - 1);
    execl("/proc/self/exe", arguments[0], next, NULL);
    check_failed(__FILE__, __LINE__, "exec");
}
