// A child with threads crashes; the parent, with threads too, sees by which signal.
#include "../check.h"
#include <signal.h>
#include <sys/wait.h>

static void *crashes(void *signal) {
    raise((int)(intptr_t)signal);
    return NULL;
}

static void *forks(void *signal) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        join(start(crashes, signal));
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), (intptr_t)signal);
    return NULL;
}

int main(void) {
    int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGTERM, SIGKILL, SIGUSR1, SIGRTMIN + 5};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) join(start(forks, (void *)(intptr_t)signals[i]));
    puts("ok");
    return 0;
}
