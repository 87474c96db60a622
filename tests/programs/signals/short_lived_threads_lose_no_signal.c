// A signal for the process that reaches a thread on its way out, or one that blocks it, goes to another: none is lost.
//
// One thread has the signal open and makes short-lived ones, which have it open, too; the sender blocks it and sends the
// next one when the last one was handled.
#include "../check.h"
#include <semaphore.h>
#include <signal.h>

static sem_t handled;
static volatile int stop;

static void handler(int signal UNUSED) {
    sem_post(&handled);
}

static void *short_lived(void *unused) {
    return unused;
}

static void *makes_threads(void *unused) {
    sigset_t set;
    sigemptyset(&set);
    OK(pthread_sigmask(SIG_SETMASK, &set, NULL));
    while (!stop) join(start(short_lived, NULL));
    return unused;
}

int main(void) {
    sigset_t all;
    struct sigaction action = {.sa_handler = handler};
    sigfillset(&all);
    OK(pthread_sigmask(SIG_SETMASK, &all, NULL));
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(sem_init(&handled, 0, 0), 0);
    pthread_t maker = start(makes_threads, NULL);
    for (int i = 0; i < 20000; i++) {
        CHECK_EQ(kill(getpid(), SIGUSR1), 0);
        CHECK_EQ(sem_wait(&handled), 0);
    }
    stop = 1;
    join(maker);
    puts("ok");
    return 0;
}
