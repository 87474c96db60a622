// All threads block the signals and one takes them by sigwait, sigwaitinfo and sigtimedwait, with what came along.
#include "../check.h"
#include <signal.h>

static sigset_t set;
static pthread_barrier_t ready;
static int first_value = 1000, order_ok = 1, total;

static void *takes(void *unused) {
    int signal;
    siginfo_t info;
    struct timespec time = from_ns(10000000), wrong = {.tv_sec = -1};
    CHECK_EQ(sigtimedwait(&set, &info, &time), -1);
    CHECK_EQ(errno, EAGAIN);
    FAILS(sigtimedwait(&set, &info, &wrong), EINVAL);
    OK(pthread_kill(pthread_self(), SIGUSR2));
    OK(sigwait(&set, &signal));
    CHECK_EQ(signal, SIGUSR2);
    pthread_barrier_wait(&ready);
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN + 1);
        CHECK_EQ(info.si_code, SI_QUEUE);
        CHECK_EQ(info.si_pid, getpid());
        order_ok &= info.si_value.sival_int == first_value + i;
        __atomic_add_fetch(&total, 1, __ATOMIC_SEQ_CST);
    }
    CHECK_EQ(sigwait(&set, &signal), 0);
    CHECK_EQ(signal, SIGTERM);
    return unused;
}

static void *idles(void *gate) {
    pthread_barrier_wait(gate);
    return NULL;
}

int main(void) {
    pthread_barrier_t gate;
    pthread_t idle[3];
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGRTMIN + 1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    OK(pthread_barrier_init(&gate, NULL, 4));
    for (int i = 0; i < 3; i++) idle[i] = start(idles, &gate);
    OK(pthread_barrier_init(&ready, NULL, 2));
    pthread_t taker = start(takes, NULL);
    pthread_barrier_wait(&ready);
    let_others_block();
    // Real-time signals queue: all of them come, in order.
    for (int i = 0; i < 50; i++) CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = first_value + i}), 0);
    // A lower number would overtake them.
    while (__atomic_load_n(&total, __ATOMIC_SEQ_CST) < 50) let_others_run();
    CHECK_EQ(kill(getpid(), SIGTERM), 0);
    join(taker);
    pthread_barrier_wait(&gate);
    for (int i = 0; i < 3; i++) join(idle[i]);
    printf("%d in %s order\n", total, order_ok ? "the right" : "another");
    return 0;
}
