// alarm, setitimer real and prof at 1 kHz while threads switch and compute: handlers run again and again, nothing else
// is disturbed.
#include "../check.h"
#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t alarms, profiles;
static volatile int stop;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long total;

static void on_alarm(int signal UNUSED) { alarms++; }
static void on_profile(int signal UNUSED) { profiles++; }

static void *switches(void *unused) {
    while (!stop) {
        OK(pthread_mutex_lock(&mutex));
        long seen = total;
        let_others_run();
        CHECK_EQ(total, seen);
        total = seen + 1;
        OK(pthread_mutex_unlock(&mutex));
        usleep(100);
    }
    return unused;
}

static void *computes(void *unused) {
    while (!stop) {
    }
    return unused;
}

int main(void) {
    pthread_t threads[5];
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    action.sa_handler = on_profile;
    CHECK_EQ(sigaction(SIGPROF, &action, NULL), 0);
    for (int i = 0; i < 5; i++) threads[i] = start(i < 4 ? switches : computes, NULL);
    alarm(1);
    while (alarms == 0) usleep(100000);
    struct itimerval times = {.it_interval = {0, 1000}, .it_value = {0, 1000}}, off = {{0, 0}, {0, 0}};
    int before = alarms;
    CHECK_EQ(setitimer(ITIMER_REAL, &times, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_PROF, &times, NULL), 0);
    while (alarms < before + 200 || profiles < 20) usleep(1000);
    CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_PROF, &off, NULL), 0);
    stop = 1;
    for (int i = 0; i < 5; i++) join(threads[i]);
    puts("ok");
    return 0;
}
