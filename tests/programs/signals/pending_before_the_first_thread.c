// What was pending for the first thread alone before others were made stays its own; what was pending for the process
// goes to whoever takes it.
#include "../check.h"
#include <signal.h>

static const struct timespec at_once;

static sigset_t only(int first, int second) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, first);
    sigaddset(&set, second);
    return set;
}

static void *others(void *unused) {
    sigset_t pending, directed = only(SIGUSR1, SIGRTMIN), shared = only(SIGUSR2, SIGUSR2);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(!sigismember(&pending, SIGUSR1));
    CHECK(!sigismember(&pending, SIGRTMIN));
    CHECK(sigismember(&pending, SIGUSR2));
    FAILS(sigtimedwait(&directed, NULL, &at_once), EAGAIN);
    CHECK_EQ(sigtimedwait(&shared, NULL, &at_once), SIGUSR2);
    return unused;
}

int main(void) {
    sigset_t pending, all, one = only(SIGUSR1, SIGUSR1), queued = only(SIGRTMIN, SIGRTMIN);
    siginfo_t info;
    sigfillset(&all);
    OK(pthread_sigmask(SIG_SETMASK, &all, NULL));
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    OK(pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){.sival_int = 1}));
    OK(pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){.sival_int = 2}));
    CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 3}), 0);
    join(start(others, NULL));
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGUSR1));
    CHECK(sigismember(&pending, SIGRTMIN));
    CHECK(!sigismember(&pending, SIGUSR2));
    CHECK_EQ(sigtimedwait(&one, &info, &at_once), SIGUSR1);
    CHECK_EQ(info.si_pid, getpid());
    FAILS(sigtimedwait(&one, &info, &at_once), EAGAIN);
    for (int value = 1; value <= 2; value++) {
        CHECK_EQ(sigtimedwait(&queued, &info, &at_once), SIGRTMIN);
        CHECK_EQ(info.si_value.sival_int, value);
        CHECK_EQ(info.si_code, SI_QUEUE);
    }
    queued = only(SIGRTMIN + 1, SIGRTMIN + 1);
    CHECK_EQ(sigtimedwait(&queued, &info, &at_once), SIGRTMIN + 1);
    CHECK_EQ(info.si_value.sival_int, 3);
    puts("ok");
    return 0;
}
