// setjmp and longjmp within a thread, over calls that switch; getcontext-made stacks of the program's own in a thread.
#include "../check.h"
#include <setjmp.h>
#include <ucontext.h>

static _Thread_local jmp_buf target;
static _Thread_local ucontext_t caller, callee;
static _Thread_local int steps;
// Keeps the compiler from seeing that jumps() does not return.
static volatile int never;

__attribute__((noinline)) static void jumps(int depth) {
    let_others_run();
    if (depth > 0) jumps(depth - 1);
    if (never) return;
    longjmp(target, 7);
}

static void on_own_stack(void) {
    for (int i = 0; i < 5; i++) {
        steps++;
        usleep(100);
        CHECK_EQ(swapcontext(&callee, &caller), 0);
    }
}

static void *body(void *unused) {
    for (volatile int i = 0; i < 20; i = i + 1) {
        int result = setjmp(target);
        if (result == 0) jumps(5);
        CHECK_EQ(result, 7);
    }
    static _Thread_local char stack[65536];
    CHECK_EQ(getcontext(&callee), 0);
    callee.uc_stack.ss_sp = stack;
    callee.uc_stack.ss_size = sizeof stack;
    callee.uc_link = &caller;
    makecontext(&callee, on_own_stack, 0);
    for (int i = 0; i < 6; i++) {
        let_others_run();
        CHECK_EQ(swapcontext(&caller, &callee), 0);
    }
    CHECK_EQ(steps, 5);
    return unused;
}

int main(void) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) threads[i] = start(body, NULL);
    for (int i = 0; i < 8; i++) join(threads[i]);
    puts("ok");
    return 0;
}
