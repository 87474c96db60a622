// A handler ends a sleep with EINTR and the time that was left; an absolute sleep leaves the remainder alone.
#include "../check.h"
#include <signal.h>

static volatile sig_atomic_t handled;
static volatile int done;
static pthread_t sleeper;

static void handler(int signal UNUSED) { handled = 1; }

static void *interrupts(void *unused) {
    while (!done) {
        OK(pthread_kill(sleeper, SIGUSR1));
        usleep(2000);
    }
    return unused;
}

static void *sleeps(void *unused) {
    struct timespec time = from_ns(100000000000LL), left = {-1, -1};
    FAILS(nanosleep(&time, &left), EINTR);
    CHECK(handled);
    CHECK(left.tv_sec >= 90 && left.tv_sec <= 100);
    handled = 0;
    left.tv_sec = -1;
    time = from_ns(now_ns(CLOCK_MONOTONIC) + 100000000000LL);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, &left), EINTR);
    CHECK_EQ(left.tv_sec, -1);
    CHECK(handled);
    unsigned rest = sleep(100);
    CHECK(rest >= 90 && rest <= 100);
    done = 1;
    return unused;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    sleeper = start(sleeps, NULL);
    pthread_t interrupter = start(interrupts, NULL);
    join(interrupter);
    join(sleeper);
    puts("ok");
    return 0;
}
