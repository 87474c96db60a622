// siglongjmp leaves a handler, in the middle of a blocking call too, and restores the mask; the call can be made again.
#include "../check.h"
#include <setjmp.h>
#include <signal.h>

static __thread sigjmp_buf target;
static __thread volatile int armed;
static volatile int done;
static pthread_t victims[2];

static void handler(int signal UNUSED) {
    if (armed) {
        armed = 0;
        siglongjmp(target, 1);
    }
}

static int is_blocked(void) {
    sigset_t set;
    OK(pthread_sigmask(SIG_BLOCK, NULL, &set));
    return sigismember(&set, SIGUSR1);
}

static void *jumps(void *argument) {
    for (volatile int i = 0; i < 50; i = i + 1) {
        if (sigsetjmp(target, 1) == 0) {
            armed = 1;
            if (argument) {
                for (;;) pause();
            } else {
                for (;;) __asm__ volatile("");
            }
        }
        CHECK(!is_blocked());
    }
    __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (intptr_t i = 0; i < 2; i++) victims[i] = start(jumps, (void *)i);
    while (done < 2) {
        for (int i = 0; i < 2; i++) OK(pthread_kill(victims[i], SIGUSR1));
        usleep(500);
    }
    for (int i = 0; i < 2; i++) join(victims[i]);
    puts("ok");
    return 0;
}
