// A child of several threads is stopped and continued: it goes on where it was, and its parent sees both.
// harness: threads=child
#include "../check.h"
#include <signal.h>
#include <sys/wait.h>

static void *counts(void *value) {
    for (int i = 0; i < 50; i++) {
        usleep(1000);
        __atomic_add_fetch((int *)value, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

int main(void) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        int value = 0;
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) threads[i] = start(counts, &value);
        CHECK_EQ(kill(getpid(), SIGSTOP), 0);
        for (int i = 0; i < 4; i++) join(threads[i]);
        exit(value == 200 ? 42 : 1);
    }
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    puts("stopped");
    CHECK_EQ(kill(child, SIGCONT), 0);
    CHECK_EQ(waitpid(child, &status, WCONTINUED), child);
    CHECK(WIFCONTINUED(status));
    puts("continued");
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    puts("ended");
    return 0;
}
