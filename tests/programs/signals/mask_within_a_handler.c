// In a handler its own signal and sa_mask are blocked, SA_NODEFER leaves the own one open, SA_RESETHAND works once;
// afterwards the mask is as before, also when the handler switched.
#include "../check.h"
#include <signal.h>

static __thread volatile int depth, most;

static int blocked(int signal) {
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, signal);
}

static volatile int wrong;

static void deferring(int signal UNUSED) {
    if (!blocked(SIGUSR1) || !blocked(SIGHUP) || blocked(SIGUSR2)) wrong = 1;
    usleep(100);
    if (!blocked(SIGUSR1) || !blocked(SIGHUP) || blocked(SIGUSR2)) wrong = 2;
}

static void nesting(int signal) {
    if (++depth > most) most = depth;
    if (blocked(SIGUSR2)) wrong = 3;
    if (depth < 5) raise(signal);
    depth--;
}

static void *raises(void *unused) {
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(raise(SIGUSR1), 0);
        CHECK(!blocked(SIGUSR1) && !blocked(SIGHUP));
    }
    CHECK_EQ(raise(SIGUSR2), 0);
    CHECK_EQ(most, 5);
    return unused;
}

int main(void) {
    pthread_t threads[4];
    struct sigaction action = {.sa_handler = deferring}, old;
    sigaddset(&action.sa_mask, SIGHUP);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    action = (struct sigaction){.sa_handler = nesting, .sa_flags = SA_NODEFER};
    CHECK_EQ(sigaction(SIGUSR2, &action, NULL), 0);
    CHECK_EQ(sigaction(SIGUSR2, NULL, &old), 0);
    CHECK(old.sa_handler == nesting && (old.sa_flags & SA_NODEFER));
    for (int i = 0; i < 4; i++) threads[i] = start(raises, NULL);
    for (int i = 0; i < 4; i++) join(threads[i]);
    action = (struct sigaction){.sa_handler = nesting, .sa_flags = (int)SA_RESETHAND};
    CHECK_EQ(sigaction(SIGWINCH, &action, NULL), 0);
    depth = 10;
    CHECK_EQ(raise(SIGWINCH), 0);
    CHECK_EQ(sigaction(SIGWINCH, NULL, &old), 0);
    CHECK(old.sa_handler == SIG_DFL);
    CHECK_EQ(wrong, 0);
    puts("ok");
    return 0;
}
