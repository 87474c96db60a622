// A thread in waitpid for a child that does not end is cancelled.
#include "cancel.h"
#include <signal.h>
#include <sys/wait.h>

static pid_t child;

static void kill_child(void) { kill(child, SIGKILL); }

static void prepare(void) {
    child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    CHECK(child > 0);
    CHECK_EQ(atexit(kill_child), 0);
}
static void block(void) { CHECK(waitpid(child, NULL, 0) < 0); }

int main(void) { return cancel_in_call(); }
