// A SIGSEGV handler on an alternate stack sees the overflow of its thread's stack and ends the process in order.
// harness: exit=12
#include "../check.h"
#include <signal.h>

static volatile int never;
static char *lowest;

static void handler(int signal UNUSED, siginfo_t *info, void *context UNUSED) {
    char *address = info->si_addr;
    // In the guard page, just below the stack.
    _exit(address >= lowest - 4096 && address < lowest ? 12 : 13);
}

__attribute__((noinline)) static int recurse(int depth) {
    volatile char frame[1000];
    frame[depth % 1000] = 1;
    if (never) return 0;
    return recurse(depth + 1) + frame[depth % 1000];
}

static void *recurses(void *unused UNUSED) {
    static char space[65536];
    stack_t stack = {.ss_sp = space, .ss_size = sizeof space};
    pthread_attr_t attributes;
    size_t size, guard;
    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    OK(pthread_getattr_np(pthread_self(), &attributes));
    OK(pthread_attr_getstack(&attributes, (void **)&lowest, &size));
    OK(pthread_attr_getguardsize(&attributes, &guard));
    CHECK_EQ(guard, 4096);
    return (void *)(intptr_t)recurse(0);
}

int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    join(start(recurses, NULL));
    return 0;
}
