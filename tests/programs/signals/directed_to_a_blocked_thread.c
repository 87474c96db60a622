// pthread_kill, tgkill and pthread_sigqueue run the handler in the very thread, whatever it is blocked in.
#include "../io/net.h"
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>

enum { COUNT = 6 };

static pthread_t threads[COUNT];
static pid_t tids[COUNT];
static volatile int handled[COUNT], wrong;
static __thread int own = -1;
static int channel[2];
static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static volatile int released;

static void handler(int signal UNUSED, siginfo_t *info, void *context UNUSED) {
    if (own < 0 || !pthread_equal(pthread_self(), threads[own]) || gettid() != tids[own]) wrong = 1;
    if (info->si_code == SI_QUEUE && info->si_value.sival_int != own) wrong = 1;
    handled[own]++;
}

static void *blocks(void *argument) {
    char byte;
    own = (int)(intptr_t)argument;
    __atomic_store_n(&tids[own], gettid(), __ATOMIC_SEQ_CST);
    switch (own) {
    case 0: CHECK_EQ(read(channel[0], &byte, 1), 0); break;
    case 1:
        while (sem_wait(&semaphore) != 0) CHECK_EQ(errno, EINTR);
        break;
    case 2:
        OK(pthread_mutex_lock(&mutex));
        OK(pthread_mutex_unlock(&mutex));
        break;
    case 3:
        while (!released) usleep(1000000000);
        break;
    case 4:
        while (!released) poll(NULL, 0, -1);
        break;
    default:
        // Not blocked at all.
        while (!released) {
        }
    }
    return NULL;
}

static void wait_for(int count) {
    for (int i = 0; i < COUNT; i++) {
        while (handled[i] < count) let_others_run();
    }
}

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(pipe(channel), 0);
    CHECK_EQ(sem_init(&semaphore, 0, 0), 0);
    OK(pthread_mutex_lock(&mutex));
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(blocks, (void *)i);
    for (int i = 0; i < COUNT; i++) {
        while (__atomic_load_n(&tids[i], __ATOMIC_SEQ_CST) == 0) let_others_run();
    }
    let_others_block();
    for (int i = 0; i < COUNT; i++) OK(pthread_kill(threads[i], SIGUSR1));
    wait_for(1);
    for (int i = 0; i < COUNT; i++) CHECK_EQ(syscall(SYS_tgkill, getpid(), tids[i], SIGUSR1), 0);
    wait_for(2);
    for (int i = 0; i < COUNT; i++) OK(pthread_sigqueue(threads[i], SIGUSR1, (union sigval){.sival_int = i}));
    wait_for(3);
    for (int i = 0; i < COUNT; i++) CHECK_EQ(handled[i], 3);
    CHECK(!wrong);
    released = 1;
    close(channel[1]);
    CHECK_EQ(sem_post(&semaphore), 0);
    OK(pthread_mutex_unlock(&mutex));
    // The sleepers leave their calls with EINTR; the kernel drops a signal for a thread that has ended.
    for (int i = 3; i <= 4; i++) {
        while (pthread_tryjoin_np(threads[i], NULL) == EBUSY) {
            OK(pthread_kill(threads[i], SIGUSR1));
            usleep(1000);
        }
    }
    for (int i = 0; i < COUNT; i++) {
        if (i != 3 && i != 4) join(threads[i]);
    }
    CHECK_EQ(pthread_kill(pthread_self(), 99), EINVAL);
    OK(pthread_kill(pthread_self(), 0));
    puts("ok");
    return 0;
}
