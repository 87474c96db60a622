// A timer on a thread's own CPU clock expires when the thread has computed so long, and signals as it is told: profilers
// have one for each thread.
// harness: kernel-threads=+4
#include "../check.h"
#include <signal.h>
#include <sys/syscall.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static _Thread_local volatile sig_atomic_t ticks;
static volatile sig_atomic_t wrong;

static void on_tick(int signal UNUSED, siginfo_t *info, void *context UNUSED) {
    ticks++;
    if (info->si_code != SI_TIMER || info->si_value.sival_int != gettid()) wrong++;
}

static void *profiled(void *argument) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    struct itimerspec every = {.it_value.tv_nsec = 10000000, .it_interval.tv_nsec = 10000000};
    timer_t timer;
    clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
    if (argument) OK(pthread_getcpuclockid(pthread_self(), &clock));
    event.sigev_notify_thread_id = gettid();
    event.sigev_value.sival_int = gettid();
    CHECK_EQ(timer_create(clock, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &every, NULL), 0);
    // Asleep it does not run.
    usleep(50000);
    CHECK(ticks <= 1);
    int64_t began = now_ns(CLOCK_THREAD_CPUTIME_ID);
    while (ticks < 5) {
    }
    CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) - began >= 30000000);
    CHECK_EQ(timer_delete(timer), 0);
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART};
    CHECK_EQ(sigaction(SIGPROF, &action, NULL), 0);
    pthread_t a = start(profiled, NULL), b = start(profiled, &a);
    join(a);
    join(b);
    CHECK_EQ(wrong, 0);
    timer_t timer;
    FAILS(timer_create(~0x0fffffff << 3 | 6, NULL, &timer), EINVAL);
    puts("ok");
    return 0;
}
