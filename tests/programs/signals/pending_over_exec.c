// harness: switches=any
// What is blocked and pending, for the thread that calls exec and for the process, is pending in the new program
// (execve(2)); so it is in the old one when there is no new one.
#include "../check.h"
#include <signal.h>

static const struct timespec limit = {.tv_sec = 10};
static char *self;

static int take(int signal) {
    sigset_t set;
    siginfo_t info = {0};
    sigemptyset(&set);
    sigaddset(&set, signal);
    CHECK_EQ(sigtimedwait(&set, &info, &limit), signal);
    return info.si_value.sival_int;
}

static void look(void) {
    sigset_t pending;
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGUSR1));
    CHECK(sigismember(&pending, SIGUSR2));
    CHECK(sigismember(&pending, SIGRTMIN));
    CHECK(sigismember(&pending, SIGRTMIN + 1));
    CHECK(!sigismember(&pending, SIGHUP));
}

static void *idle(void *unused) {
    for (;;) pause();
    return unused;
}

static void *execs(void *unused) {
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    OK(pthread_kill(pthread_self(), SIGUSR1));
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}), 0);
        OK(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, (union sigval){.sival_int = 10 + i}));
    }
    look();
    FAILS(execl("/", "/", NULL), EACCES);
    look();
    execl(self, self, "again", NULL);
    check_failed(__FILE__, __LINE__, "exec");
    return unused;
}

int main(int count, char **arguments) {
    sigset_t all;
    self = arguments[0];
    if (count == 2) {
        look();
        // In the new program with threads and without.
        start(idle, NULL);
        look();
        take(SIGUSR1);
        take(SIGUSR2);
        for (int i = 1; i <= 3; i++) {
            CHECK_EQ(take(SIGRTMIN), i);
            CHECK_EQ(take(SIGRTMIN + 1), 10 + i);
        }
        puts("ok");
        return 0;
    }
    sigfillset(&all);
    OK(pthread_sigmask(SIG_SETMASK, &all, NULL));
    start(idle, NULL);
    OK(pthread_kill(pthread_self(), SIGHUP));
    join(start(execs, NULL));
    return 0;
}
