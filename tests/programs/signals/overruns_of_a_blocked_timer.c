// A timer that expires while its signal is pending counts overruns; there is one signal, and it tells them all
// (timer_getoverrun(2)). Other threads exist.
#include "../check.h"
#include <signal.h>

static const int64_t interval = 5000000;
static volatile sig_atomic_t handled, overruns_told;

static void handler(int signal UNUSED, siginfo_t *info, void *context UNUSED) {
    if (!handled++) overruns_told = info->si_overrun;
}

static void *idle(void *unused) {
    for (;;) pause();
    return unused;
}

static void check(int signal, int by_handler) {
    sigset_t set;
    siginfo_t info = {0};
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    struct itimerspec times = {.it_value = from_ns(interval), .it_interval = from_ns(interval)}, never = {0};
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigemptyset(&set);
    sigaddset(&set, signal);
    CHECK_EQ(sigaction(signal, &action, NULL), 0);
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    int64_t begin = now_ns(CLOCK_MONOTONIC);
    CHECK_EQ(timer_settime(timer, 0, &times, NULL), 0);
    while (now_ns(CLOCK_MONOTONIC) < begin + 20 * interval) let_others_block();
    int64_t before = now_ns(CLOCK_MONOTONIC);
    if (by_handler) {
        handled = 0;
        OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
        OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
        CHECK(handled >= 1);
        info.si_overrun = overruns_told;
    } else {
        CHECK_EQ(sigwaitinfo(&set, &info), signal);
        CHECK_EQ(info.si_code, SI_TIMER);
        CHECK_EQ(timer_getoverrun(timer), info.si_overrun);
    }
    // One expiration in 5 ms, and the signal itself is none of the overruns.
    CHECK(info.si_overrun >= (before - begin) / interval - 2);
    CHECK(info.si_overrun <= (now_ns(CLOCK_MONOTONIC) - begin) / interval);
    CHECK_EQ(timer_settime(timer, 0, &never, NULL), 0);
    CHECK_EQ(timer_delete(timer), 0);
    const struct timespec at_once = {0};
    while (sigtimedwait(&set, NULL, &at_once) == signal) {
    }
}

int main(void) {
    sigset_t all;
    sigfillset(&all);
    OK(pthread_sigmask(SIG_SETMASK, &all, NULL));
    start(idle, NULL);
    for (int by_handler = 0; by_handler < 2; by_handler++) {
        check(SIGALRM, by_handler);
        check(SIGRTMIN, by_handler);
    }
    puts("ok");
    return 0;
}
