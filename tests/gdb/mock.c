// A stand-in for the engine, for the test of scripts/gdb/patchall.py: three threads made by makecontext(3), parked with different
// stacks below them, one that is nothing but registers, and a descriptor as the engine exports it. `stop_here` is where gdb stops it; afterwards the threads run on,
// each checks that its variables are what they were, and the program prints `all ended`.
#define _GNU_SOURCE // the registers' names in ucontext.h
#include <asm/prctl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { UNUSED, READY, RUNNING, PARKED, ENDED }; // as in patchall.py

struct record {
    char padding[24]; // so that no offset is 0 by chance
    uint32_t state;
    int32_t tid;
    uint64_t fs;
    uint64_t regs[18];
    const char *reason;
    uint64_t since_ns;
    char name[16];
    ucontext_t context;
    char stack[32768];
};

static struct record threads[7];
static ucontext_t hub;

struct {
    uint64_t magic;
    uint32_t version, thread_size;
    struct record *threads_base;
    uint64_t threads_len;
    uint32_t off_state, off_tid, off_fs, off_regs, off_reason, off_since_ns, off_name;
} patchall_debug = {
    .version = 1,
    .thread_size = sizeof(struct record),
    .threads_base = threads,
    .threads_len = 6,
    .off_state = offsetof(struct record, state),
    .off_tid = offsetof(struct record, tid),
    .off_fs = offsetof(struct record, fs),
    .off_regs = offsetof(struct record, regs),
    .off_reason = offsetof(struct record, reason),
    .off_since_ns = offsetof(struct record, since_ns),
    .off_name = offsetof(struct record, name),
};

static int ended;

// As the engine's gate leaves a parked thread: its registers in its record, in the descriptor's order.
static void publish(struct record *t) {
    greg_t *g = t->context.uc_mcontext.gregs;
    int order[18] = {REG_R15, REG_R14, REG_R13, REG_R12, REG_RBP, REG_RBX, REG_R11, REG_R10, REG_R9,
                     REG_R8,  REG_RAX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RIP, REG_EFL, REG_RSP};
    for (int i = 0; i < 18; i++) t->regs[i] = (uint64_t)g[order[i]];
}

static void park(struct record *t, const char *reason) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    t->since_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    t->reason = reason;
    t->state = PARKED;
    swapcontext(&t->context, &hub);
    t->state = RUNNING;
}

static __attribute__((noinline)) int wait_for_bread(struct record *t, volatile int loaves) {
    park(t, "futex");
    return loaves;
}

static __attribute__((noinline)) int set_the_table(struct record *t, volatile int guests) { return wait_for_bread(t, guests * 2) - guests; }

static void dinner(int slot) {
    if (set_the_table(&threads[slot], 21) == 21) ended++;
    threads[slot].state = ENDED;
}

static __attribute__((noinline)) int count_down(struct record *t, volatile int n) {
    if (n == 0) {
        park(t, "clock_nanosleep");
        return 0;
    }
    return count_down(t, n - 1) + 1;
}

static void launch(int slot) {
    if (count_down(&threads[slot], 3) == 3) ended++;
    threads[slot].state = ENDED;
}

static void make(int slot, const char *name, void (*function)(int)) {
    struct record *t = &threads[slot];
    t->tid = 100000 + slot;
    strcpy(t->name, name);
    getcontext(&t->context);
    t->context.uc_stack.ss_sp = t->stack;
    t->context.uc_stack.ss_size = sizeof t->stack;
    t->context.uc_link = &hub;
    makecontext(&t->context, (void (*)(void))function, 1, slot);
    swapcontext(&hub, &t->context);
    publish(t);
}

// Inlined: the innermost frame of the stopped thread is then two frames for gdb, and the script must cut both.
static inline __attribute__((always_inline)) void stop_here(void) { __asm__ volatile("nop" ::: "memory"); }

int main(int argc, char **argv) {
    // What the script must refuse to read: `dormant` leaves the magic out, `newer` has a version that it cannot know.
    if (argc > 1 && !strcmp(argv[1], "newer")) patchall_debug.version = 99;
    if (argc < 2 || strcmp(argv[1], "dormant")) memcpy(&patchall_debug.magic, "PATCHALL", 8);
    threads[0].state = RUNNING;
    threads[0].tid = getpid();
    strcpy(threads[0].name, "main");
    syscall(SYS_arch_prctl, ARCH_GET_FS, &threads[0].fs);
    make(1, "cook", dinner);
    // Slot 2 stays unused.
    make(3, "rocket", launch);
    make(4, "second cook", dinner);
    // Slot 5: register number i holds 0x1000 + i; but for rip and rsp, which must lie somewhere.
    threads[5].state = READY;
    threads[5].tid = 100005;
    threads[5].fs = 0x2000;
    strcpy(threads[5].name, "registers");
    for (int i = 0; i < 18; i++) threads[5].regs[i] = 0x1000 + i;
    threads[5].regs[15] = (uint64_t)publish;
    threads[5].regs[17] = (uint64_t)(threads[5].stack + 16384);
    stop_here();
    for (int i = 1; i < 5; i++) {
        if (threads[i].state == PARKED) swapcontext(&hub, &threads[i].context);
    }
    puts(ended == 3 ? "all ended" : "something was disturbed");
    return ended != 3;
}
