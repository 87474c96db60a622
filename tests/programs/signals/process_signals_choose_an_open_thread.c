// A signal for the process goes to a thread that has it unblocked; while all block it, it waits.
#include "../check.h"
#include <signal.h>

static volatile sig_atomic_t in_main, in_open;
static __thread volatile int is_open;
static volatile int stop;

static void handler(int signal UNUSED) {
    if (is_open) in_open++;
    else in_main++;
}

static void *is_the_only_one(void *unused) {
    sigset_t set;
    sigemptyset(&set);
    is_open = 1;
    OK(pthread_sigmask(SIG_SETMASK, &set, NULL));
    while (!stop) usleep(1000);
    return unused;
}

static void *blocks_all(void *unused) {
    while (!stop) usleep(1000);
    return unused;
}

int main(void) {
    sigset_t all, pending;
    struct sigaction action = {.sa_handler = handler};
    pthread_t threads[4];
    sigfillset(&all);
    OK(pthread_sigmask(SIG_SETMASK, &all, NULL));
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (int i = 0; i < 3; i++) threads[i] = start(blocks_all, NULL);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    let_others_block();
    CHECK_EQ(in_main + in_open, 0);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGUSR1));
    threads[3] = start(is_the_only_one, NULL);
    while (in_open < 1) let_others_run();
    for (int i = 2; i < 50; i++) {
        CHECK_EQ(kill(getpid(), SIGUSR1), 0);
        while (in_open < i) let_others_run();
    }
    CHECK_EQ(in_main, 0);
    stop = 1;
    for (int i = 0; i < 4; i++) join(threads[i]);
    puts("ok");
    return 0;
}
