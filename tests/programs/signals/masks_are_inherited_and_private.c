// A new thread inherits its maker's mask and can change its own only; a blocked signal stays pending for the thread.
#include "../check.h"
#include <signal.h>

static int is_blocked(int signal) {
    sigset_t set;
    OK(pthread_sigmask(SIG_BLOCK, NULL, &set));
    return sigismember(&set, signal);
}

static void *changes_its_own(void *unused) {
    sigset_t set, pending;
    CHECK(is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    for (int i = 0; i < 20; i++) {
        OK(pthread_sigmask(SIG_SETMASK, &set, NULL));
        let_others_run();
        CHECK(!is_blocked(SIGUSR1) && is_blocked(SIGUSR2));
        OK(pthread_sigmask(SIG_BLOCK, &(sigset_t){{1UL << (SIGHUP - 1)}}, NULL));
        usleep(100);
        CHECK(is_blocked(SIGHUP) && is_blocked(SIGUSR2) && !is_blocked(SIGUSR1));
    }
    OK(pthread_kill(pthread_self(), SIGUSR2));
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGUSR2) && !sigismember(&pending, SIGHUP));
    // SIGKILL and SIGSTOP cannot be blocked.
    sigfillset(&set);
    OK(pthread_sigmask(SIG_SETMASK, &set, NULL));
    CHECK(!is_blocked(SIGKILL) && !is_blocked(SIGSTOP) && is_blocked(SIGTERM));
    return unused;
}

int main(void) {
    sigset_t set, pending;
    pthread_t threads[6];
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < 6; i++) threads[i] = start(changes_its_own, NULL);
    for (int i = 0; i < 20; i++) {
        CHECK(is_blocked(SIGUSR1) && !is_blocked(SIGUSR2) && !is_blocked(SIGHUP));
        usleep(200);
    }
    for (int i = 0; i < 6; i++) join(threads[i]);
    // What was pending for a thread is gone with it.
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(!sigismember(&pending, SIGUSR2));
    CHECK_EQ(pthread_sigmask(99, &set, NULL), EINVAL);
    puts("ok");
    return 0;
}
