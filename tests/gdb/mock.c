// A stand-in for the engine, for the test of scripts/gdb/patchall.py: three threads made by makecontext(3), parked with different
// stacks below them, one that is nothing but saved registers, and a descriptor as the engine exports it, with two chunks of records.
// `stop_here` is where gdb stops it; afterwards the threads run on, each checks that its variables are what they were, and the
// program prints `all ended`.
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

enum { RUNNING, PARKED = 2 };         // phases
enum { REGS, CALL, SAVED };           // how a thread goes on
enum { FUTEX = 202, CLOCK_NANOSLEEP = 230 }; // numbers of calls

// In the kernel's order.
struct saved {
    char padding[40];
    uint64_t regs[18];
};

struct record {
    char padding[24]; // so that no offset is 0 by chance
    uint64_t state;
    int32_t tid;
    uint16_t nr;
    uint8_t resume;
    uint64_t fs;
    uint64_t regs[18];
    struct os_thread *os;
    struct saved *saved;
    uint64_t parked_at;
    char name[16];
    ucontext_t context;
    char stack[32768];
};

struct os_thread {
    char padding[16];
    struct record *current;
};

enum { IN_CHUNK = 4 };
struct chunk {
    struct chunk *next;
    char padding[56];
    struct record records[IN_CHUNK];
};

static struct chunk chunks[2] = {{.next = NULL}, {.next = &chunks[0]}}, *newest = &chunks[1];
static struct os_thread carrier;
static struct saved saved;
static const char names[256][24] = {[FUTEX] = "futex", [CLOCK_NANOSLEEP] = "clock_nanosleep"};
static ucontext_t hub;

static struct record *thread(int slot) { return &chunks[slot / IN_CHUNK].records[slot % IN_CHUNK]; }

struct {
    uint64_t magic;
    uint32_t version, thread_size;
    struct chunk **chunks;
    uint32_t first_record, records;
    const void *names;
    uint32_t name_size, names_len;
    uint64_t clock[4];
    uint32_t state, tid, fs, regs, os, os_current, resume, saved, saved_regs, nr, parked_at, name;
} patchall_debug = {
    .version = 2,
    .thread_size = sizeof(struct record),
    .chunks = &newest,
    .first_record = offsetof(struct chunk, records),
    .records = IN_CHUNK,
    .names = names,
    .name_size = sizeof names[0],
    .names_len = sizeof names / sizeof names[0],
    .clock = {7000, 1000, 37000, 11000}, // a time stamp is 3 times the nanoseconds, and 4000
    .state = offsetof(struct record, state),
    .tid = offsetof(struct record, tid),
    .fs = offsetof(struct record, fs),
    .regs = offsetof(struct record, regs),
    .os = offsetof(struct record, os),
    .os_current = offsetof(struct os_thread, current),
    .resume = offsetof(struct record, resume),
    .saved = offsetof(struct record, saved),
    .saved_regs = offsetof(struct saved, regs),
    .nr = offsetof(struct record, nr),
    .parked_at = offsetof(struct record, parked_at),
    .name = offsetof(struct record, name),
};

static int ended;

// What the gate makes of a `syscall` of the program: at the end of its trampoline a jump back to the program's code.
static unsigned char *trampoline(uint64_t back) {
    static unsigned char code[16][8];
    static int used;
    unsigned char *at = code[used++];
    memcpy(at, "\x0f\x05\xe9", 3);
    int32_t distance = (int32_t)(back - (uint64_t)(at + 7));
    memcpy(at + 3, &distance, 4);
    return at;
}

// As the engine's gate leaves a parked thread: its registers in its record, in the descriptor's order, but for rip, of which r11
// knows.
static void publish(struct record *t) {
    greg_t *g = t->context.uc_mcontext.gregs;
    int order[18] = {REG_R15, REG_R14, REG_R13, REG_R12, REG_RBP, REG_RBX, REG_R11, REG_R10, REG_R9,
                     REG_R8,  REG_RAX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RIP, REG_EFL, REG_RSP};
    for (int i = 0; i < 18; i++) t->regs[i] = (uint64_t)g[order[i]];
    t->regs[6] = (uint64_t)trampoline(t->regs[15]);
    t->regs[15] = 0;
    t->resume = CALL;
}

static void park(struct record *t, uint16_t call) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    t->parked_at = ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) * 3 + 4000;
    t->nr = call;
    t->state = 9 << 16 | PARKED;
    swapcontext(&t->context, &hub);
    t->state = 9 << 16 | RUNNING;
}

static __attribute__((noinline)) int wait_for_bread(struct record *t, volatile int loaves) {
    park(t, FUTEX);
    return loaves;
}

static __attribute__((noinline)) int set_the_table(struct record *t, volatile int guests) { return wait_for_bread(t, guests * 2) - guests; }

static void dinner(int slot) {
    if (set_the_table(thread(slot), 21) == 21) ended++;
    thread(slot)->tid = 0;
}

static __attribute__((noinline)) int count_down(struct record *t, volatile int n) {
    if (n == 0) {
        park(t, CLOCK_NANOSLEEP);
        return 0;
    }
    return count_down(t, n - 1) + 1;
}

static void launch(int slot) {
    if (count_down(thread(slot), 3) == 3) ended++;
    thread(slot)->tid = 0;
}

static void make(int slot, const char *name, void (*function)(int)) {
    struct record *t = thread(slot);
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
    struct record *first = thread(0), *preempted = thread(5);
    first->tid = getpid();
    first->os = &carrier;
    carrier.current = first;
    strcpy(first->name, "main");
    syscall(SYS_arch_prctl, ARCH_GET_FS, &first->fs);
    make(1, "cook", dinner);
    // Slot 2 stays unused.
    make(3, "rocket", launch);
    make(4, "second cook", dinner);
    // Slot 5 was preempted: register number i, in the descriptor's order, holds 0x1000 + i; but for rip and rsp, which must lie
    // somewhere.
    preempted->tid = 100005;
    preempted->fs = 0x2000;
    preempted->resume = SAVED;
    preempted->os = &carrier;
    preempted->saved = &saved;
    strcpy(preempted->name, "registers");
    int kernels[18] = {9, 8, 7, 6, 3, 2, 1, 0, 14, 13, 4, 5, 12, 10, 11, 17, 15, 16};
    for (int i = 0; i < 18; i++) saved.regs[i] = 0x1000 + (uint64_t)kernels[i];
    saved.regs[16] = (uint64_t)publish;
    saved.regs[15] = (uint64_t)(preempted->stack + 16384);
    stop_here();
    for (int i = 1; i < 5; i++) {
        if ((thread(i)->state & 0xff) == PARKED) swapcontext(&hub, &thread(i)->context);
    }
    puts(ended == 3 ? "all ended" : "something was disturbed");
    return ended != 3;
}
