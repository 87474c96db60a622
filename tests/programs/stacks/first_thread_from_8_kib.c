// A context on a stack of 8 KiB makes the process's first thread: it takes no more of the stack than libc needs.
// harness: cflags=-Wl,-z,now
#include "../check.h"
#include <ucontext.h>

enum { SIZE = 8 << 10, BELOW = 64 << 10, FILLING = 0xa5 };

static ucontext_t back, context;
static unsigned char memory[BELOW + SIZE] __attribute__((aligned(4096)));
static pthread_t thread;
static int error;

static void *returns(void *argument) { return argument; }

static void makes_the_first_thread(void) { error = pthread_create(&thread, NULL, returns, memory); }

int main(void) {
    memset(memory, FILLING, sizeof memory);
    CHECK_EQ(getcontext(&context), 0);
    context.uc_stack.ss_sp = memory + BELOW;
    context.uc_stack.ss_size = SIZE;
    context.uc_link = &back;
    makecontext(&context, makes_the_first_thread, 0);
    CHECK_EQ(swapcontext(&back, &context), 0);
    OK(error);
    CHECK(join(thread) == memory);
    for (int i = 0; i < BELOW; i++) {
        if (memory[i] != FILLING) check_failed(__FILE__, __LINE__, "changed %d bytes below", BELOW - i);
    }
    puts("not a byte");
    return 0;
}
