// _exit and quick_exit in a thread: the whole process ends with that status, atexit handlers do not run.
// harness: exit=4
#include "../check.h"
#include <sys/wait.h>

static void never(void) { puts("an atexit handler ran"); }

static void at_quick_exit_runs(void) { dprintf(1, "at_quick_exit runs\n"); }

static void *exits(void *how) {
    if (how) quick_exit(6);
    _exit(4);
}

static void *sleeps(void *unused) {
    sleep(1000);
    return unused;
}

int main(void) {
    int status;
    CHECK_EQ(atexit(never), 0);
    CHECK_EQ(at_quick_exit(at_quick_exit_runs), 0);
    pid_t child = fork();
    if (child == 0) {
        start(sleeps, NULL);
        join(start(exits, &status));
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
    start(sleeps, NULL);
    join(start(exits, NULL));
    return 1;
}
