// timer_create with a thread (SIGEV_THREAD), with a signal and a value, with none; overruns; CPU-time timers.
#include "../check.h"
#include <semaphore.h>
#include <signal.h>
#include <time.h>

static sem_t ticks;
static volatile sig_atomic_t signals, wrong;
static pthread_t main_thread;

static void in_a_thread(union sigval value) {
    CHECK_EQ(value.sival_int, 77);
    CHECK(!pthread_equal(pthread_self(), main_thread));
    CHECK_EQ(sem_post(&ticks), 0);
}

static void handler(int signal UNUSED, siginfo_t *info, void *context UNUSED) {
    if (info->si_code != SI_TIMER || info->si_value.sival_int != 78) wrong = 1;
    signals++;
}

static void *computes(void *unused) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 78};
    struct itimerspec times = {.it_value = from_ns(20000000)};
    int before = signals;
    CHECK_EQ(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &times, NULL), 0);
    while (signals == before) {
    }
    CHECK_EQ(timer_delete(timer), 0);
    return unused;
}

int main(void) {
    timer_t timer;
    main_thread = pthread_self();
    CHECK_EQ(sem_init(&ticks, 0, 0), 0);
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    CHECK_EQ(sigaction(SIGUSR2, &action, NULL), 0);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 77};
    event.sigev_notify_function = in_a_thread;
    struct itimerspec times = {.it_value = from_ns(5000000), .it_interval = from_ns(5000000)}, left;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &times, NULL), 0);
    for (int i = 0; i < 10; i++) {
        while (sem_wait(&ticks) != 0) CHECK_EQ(errno, EINTR);
    }
    CHECK_EQ(timer_delete(timer), 0);

    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 78};
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &times, NULL), 0);
    while (signals < 10) pause();
    CHECK(timer_getoverrun(timer) >= 0);
    CHECK_EQ(timer_gettime(timer, &left), 0);
    CHECK(left.it_interval.tv_nsec == 5000000 && left.it_value.tv_nsec <= 5000000);
    CHECK_EQ(timer_delete(timer), 0);

    event = (struct sigevent){.sigev_notify = SIGEV_NONE};
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &times, NULL), 0);
    CHECK_EQ(timer_delete(timer), 0);
    join(start(computes, NULL));
    CHECK_EQ(wrong, 0);
    puts("ok");
    return 0;
}
