// A SIGSEGV handler makes the page accessible and the faulting instruction goes on, as garbage collectors do it; in
// several threads, for plain accesses; si_addr and the registers are right. SIGFPE, SIGILL and SIGTRAP are stepped over.
#include "../check.h"
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { THREADS = 4, PAGES = 100 };

static volatile sig_atomic_t faults, traps;
static char *memory;

static void on_fault(int signal, siginfo_t *info, void *context) {
    ucontext_t *at = context;
    char *address = info->si_addr;
    if (signal != SIGSEGV || address < memory || address >= memory + THREADS * PAGES * 4096) _exit(9);
    if (at->uc_mcontext.gregs[REG_CR2] != (greg_t)address || info->si_code != SEGV_ACCERR) _exit(8);
    char *page = (char *)((uintptr_t)address & ~4095UL);
    if (mprotect(page, 4096, PROT_READ | PROT_WRITE) != 0) _exit(7);
    __atomic_add_fetch(&faults, 1, __ATOMIC_SEQ_CST);
}

static void on_trap(int signal, siginfo_t *info UNUSED, void *context) {
    ucontext_t *at = context;
    // ud2 and idiv are faults: the pc is at the instruction, of two bytes both. int3 is a trap: the pc is behind it.
    if (signal != SIGTRAP) at->uc_mcontext.gregs[REG_RIP] += 2;
    __atomic_add_fetch(&traps, 1, __ATOMIC_SEQ_CST);
}

static void *touches(void *argument) {
    volatile char *own = memory + (intptr_t)argument * PAGES * 4096;
    for (int i = 0; i < PAGES; i++) {
        own[i * 4096 + i] = (char)i;
        if (i % 10 == 0) let_others_run();
        CHECK_EQ(own[i * 4096 + i], (char)i);
    }
    for (int i = 0; i < 10; i++) {
        __asm__ volatile("ud2");
        __asm__ volatile("int3");
        __asm__ volatile("xor %%eax, %%eax; xor %%edx, %%edx; xor %%ecx, %%ecx; idiv %%ecx" ::: "eax", "edx", "ecx", "cc");
        let_others_run();
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    action.sa_sigaction = on_trap;
    CHECK_EQ(sigaction(SIGILL, &action, NULL), 0);
    CHECK_EQ(sigaction(SIGFPE, &action, NULL), 0);
    CHECK_EQ(sigaction(SIGTRAP, &action, NULL), 0);
    memory = mmap(NULL, THREADS * PAGES * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (intptr_t i = 0; i < THREADS; i++) threads[i] = start(touches, (void *)i);
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    printf("%d faults repaired, %d traps\n", (int)faults, (int)traps);
    return 0;
}
