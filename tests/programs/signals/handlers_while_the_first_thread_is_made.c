// Signals come fast while the first thread is made. Afterwards the main thread has the mask and the alternate stack that it
// had before, none of both, and signals still come.
#include "../check.h"
#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t signals;

static void counts(int unused) {
    (void)unused;
    signals++;
}

static void *ends(void *unused) { return unused; }

int main(void) {
    struct sigaction action = {.sa_handler = counts, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    struct itimerval often = {{0, 50}, {0, 50}}, off = {{0, 0}, {0, 0}};
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    join(start(ends, NULL));
    sigset_t mask;
    OK(pthread_sigmask(SIG_SETMASK, NULL, &mask));
    CHECK_EQ(sigismember(&mask, SIGALRM), 0);
    stack_t stack;
    CHECK_EQ(sigaltstack(NULL, &stack), 0);
    CHECK_EQ(stack.ss_flags, SS_DISABLE);
    int before = signals;
    while (signals < before + 20) {
    }
    CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
    puts("ok");
    return 0;
}
