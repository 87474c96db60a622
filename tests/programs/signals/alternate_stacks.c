// Each thread has an alternate stack of its own: handlers run there with SA_ONSTACK, also several at a time and across
// a switch; a handler may change nothing while on it.
#include "../check.h"
#include <signal.h>

enum { COUNT = 6, SIZE = 65536 };

static __thread char *own_stack;
static volatile int wrong;
static volatile sig_atomic_t handled;

static int on_own_stack(void) {
    char local;
    return &local >= own_stack && &local < own_stack + SIZE;
}

static void handler(int signal UNUSED) {
    stack_t now;
    if (!on_own_stack()) wrong = 1;
    let_others_run();
    usleep(100);
    if (!on_own_stack()) wrong = 2;
    if (sigaltstack(NULL, &now) != 0 || now.ss_flags != SS_ONSTACK || now.ss_sp != own_stack) wrong = 3;
    now.ss_flags = 0;
    if (sigaltstack(&now, NULL) != -1 || errno != EPERM) wrong = 4;
    __atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static void *uses_its_stack(void *unused) {
    stack_t stack, old;
    CHECK_EQ(sigaltstack(NULL, &old), 0);
    CHECK_EQ(old.ss_flags, SS_DISABLE);
    own_stack = malloc(SIZE);
    stack = (stack_t){.ss_sp = own_stack, .ss_size = SIZE};
    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    for (int i = 0; i < 30; i++) {
        CHECK_EQ(raise(SIGUSR1), 0);
        CHECK_EQ(sigaltstack(NULL, &old), 0);
        CHECK(old.ss_sp == own_stack);
        CHECK_EQ(old.ss_flags, 0);
    }
    stack.ss_flags = SS_DISABLE;
    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    stack = (stack_t){.ss_sp = own_stack, .ss_size = 100};
    FAILS(sigaltstack(&stack, NULL), ENOMEM);
    free(own_stack);
    return unused;
}

int main(void) {
    pthread_t threads[COUNT];
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (int i = 0; i < COUNT; i++) threads[i] = start(uses_its_stack, NULL);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(handled, COUNT * 30);
    puts("ok");
    return 0;
}
