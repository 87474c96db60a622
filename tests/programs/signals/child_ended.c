// SIGCHLD: the handler reaps children while threads work; each child is seen once, with its status.
#include "../check.h"
#include <signal.h>
#include <sys/wait.h>

enum { COUNT = 10 };

static volatile sig_atomic_t reaped, sum;
static volatile int stop;

static void handler(int signal UNUSED) {
    int status, error = errno;
    while (waitpid(-1, &status, WNOHANG) > 0) {
        sum += WEXITSTATUS(status);
        reaped++;
    }
    errno = error;
}

static void *works(void *unused) {
    while (!stop) usleep(1000);
    return unused;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    pthread_t threads[3];
    CHECK_EQ(sigaction(SIGCHLD, &action, NULL), 0);
    for (int i = 0; i < 3; i++) threads[i] = start(works, NULL);
    for (int i = 0; i < COUNT; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) _exit(i + 1);
    }
    while (reaped < COUNT) usleep(1000);
    stop = 1;
    for (int i = 0; i < 3; i++) join(threads[i]);
    printf("%d children, sum of statuses %d\n", (int)reaped, (int)sum);
    return 0;
}
