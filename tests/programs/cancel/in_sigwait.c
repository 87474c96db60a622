// A thread in sigwait is cancelled.
#include "cancel.h"
#include <signal.h>
static sigset_t set;

static void prepare(void) {
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
}
static void block(void) {
    int signal;
    sigwait(&set, &signal);
}

int main(void) { return cancel_in_call(); }
