// A signalfd reads every signal of the process that all threads block, with its siginfo, whoever sends it and whichever
// threads run. Each round blocks the signal anew, so that kernel threads may still have it open when it comes.
#include "../io/net.h"
#include <signal.h>
#include <sys/signalfd.h>

enum { ROUNDS = 40, RUNNERS = 6, OF_TIMER = 77 };

static int stop;
static pid_t child;
static int to_child[2];

static void *nothing(void *unused) { return unused; }

static void *runs(void *unused) {
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        for (volatile int i = 0; i < 20000; i++) continue;
        sched_yield();
    }
    return unused;
}

static void *kills(void *unused) {
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    return unused;
}

static void *queues(void *number) {
    CHECK_EQ(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = number}), 0);
    return NULL;
}

static void *asks_the_child(void *unused) {
    CHECK_EQ(write(to_child[1], "x", 1), 1);
    return unused;
}

static void *sets_a_timer(void *timer) {
    struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
    CHECK_EQ(timer_settime(timer, 0, &soon, NULL), 0);
    return NULL;
}

static struct signalfd_siginfo next(int fd, void *(*sender)(void *), void *argument) {
    struct signalfd_siginfo info;
    pthread_t thread = start(sender, argument);
    CHECK_EQ(read(fd, &info, sizeof info), sizeof info);
    CHECK_EQ(info.ssi_signo, SIGUSR1);
    join(thread);
    return info;
}

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_EQ(pipe(to_child), 0);
    child = fork();
    if (child == 0) {
        char byte;
        close(to_child[1]);
        while (read(to_child[0], &byte, 1) == 1) kill(getppid(), SIGUSR1);
        _exit(0);
    }
    close(to_child[0]);
    // The first thread is made while the signal is open.
    join(start(nothing, NULL));
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    int fd = signalfd(-1, &set, 0);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = OF_TIMER};
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    pthread_t runners[RUNNERS];
    for (int i = 0; i < RUNNERS; i++) runners[i] = start(runs, NULL);
    for (intptr_t i = 0; i < ROUNDS; i++) {
        OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
        OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
        struct signalfd_siginfo info;
        switch (i % 4) {
        case 0:
            info = next(fd, kills, NULL);
            CHECK_EQ(info.ssi_code, SI_USER);
            CHECK_EQ(info.ssi_pid, getpid());
            break;
        case 1:
            info = next(fd, queues, (void *)i);
            CHECK_EQ(info.ssi_code, SI_QUEUE);
            CHECK_EQ(info.ssi_ptr, i);
            break;
        case 2:
            info = next(fd, asks_the_child, NULL);
            CHECK_EQ(info.ssi_code, SI_USER);
            CHECK_EQ(info.ssi_pid, child);
            break;
        case 3:
            info = next(fd, sets_a_timer, timer);
            CHECK_EQ(info.ssi_code, SI_TIMER);
            CHECK_EQ(info.ssi_int, OF_TIMER);
            break;
        }
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < RUNNERS; i++) join(runners[i]);
    return 0;
}
