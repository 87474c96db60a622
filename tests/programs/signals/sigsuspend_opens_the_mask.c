// sigsuspend, ppoll, pselect and epoll_pwait open the mask for the wait only: a pending signal ends them at once with
// EINTR, its handler has run, and the old mask is back.
#include "../check.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

static volatile sig_atomic_t handled;

static void handler(int signal UNUSED) { handled++; }

static void *suspends(void *unused) {
    sigset_t blocked, open, now;
    struct epoll_event event;
    int epoll = epoll_create1(0), before;
    sigemptyset(&open);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    OK(pthread_sigmask(SIG_SETMASK, &blocked, NULL));
    for (int i = 0; i < 20; i++) {
        before = handled;
        OK(pthread_kill(pthread_self(), SIGUSR1));
        CHECK_EQ(handled, before);
        switch (i % 4) {
        case 0: FAILS(sigsuspend(&open), EINTR); break;
        case 1: FAILS(ppoll(NULL, 0, NULL, &open), EINTR); break;
        case 2: FAILS(pselect(0, NULL, NULL, NULL, NULL, &open), EINTR); break;
        default: FAILS(epoll_pwait(epoll, &event, 1, -1, &open), EINTR);
        }
        CHECK_EQ(handled, before + 1);
        OK(pthread_sigmask(SIG_BLOCK, NULL, &now));
        CHECK(sigismember(&now, SIGUSR1));
    }
    return unused;
}

static pthread_t waiting;

static void *waits_for_the_signal(void *unused) {
    sigset_t open;
    sigemptyset(&open);
    int before = handled;
    FAILS(sigsuspend(&open), EINTR);
    CHECK_EQ(handled, before + 1);
    return unused;
}

int main(void) {
    sigset_t set;
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    join(start(suspends, NULL));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    waiting = start(waits_for_the_signal, NULL);
    let_others_block();
    OK(pthread_kill(waiting, SIGUSR1));
    join(waiting);
    puts("ok");
    return 0;
}
