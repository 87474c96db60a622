// Hand-written assembly without unwind tables makes its own system calls, as Go does: a raw futex wait lets others run, and a
// raw wake reaches it. Bytes that only look like a system call stay as they are, and code that is made at run time works.
#include "../check.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

// raw_futex: the number right before the call, as in Go's runtime.futex, between two constants. raw_call: any number, in a
// register, as in Go's Syscall6; only the call in call_it says that it is code.
__asm__(".text\n"
        ".balign 32, 0xcc\n"
        "first_table: .byte 0x90, 0x0f, 0x05, 0xc3, 0x48, 0x89, 0xf8, 0x0f, 0x05, 0xc3\n"
        ".balign 32, 0xcc\n"
        "raw_futex:\n"
        "  xor %r10d, %r10d\n"
        "  mov $202, %eax\n"
        "  syscall\n"
        "  ret\n"
        ".balign 32, 0xcc\n"
        "raw_call:\n"
        "  mov %rdi, %rax\n"
        "  mov %rsi, %rdi\n"
        "  mov %rdx, %rsi\n"
        "  mov %rcx, %rdx\n"
        "  mov %r8, %r10\n"
        "  syscall\n"
        "  cmp $0xfffffffffffff001, %rax\n"
        "  jae 1f\n"
        "  ret\n"
        "1: mov $0x50f, %edx\n"
        "  ret\n"
        ".balign 32, 0xcc\n"
        "call_it: jmp 1f\n"
        "second_table: .quad 0x050f050f050f050f\n"
        "1: push %rbp\n"
        "  call raw_call\n"
        "  pop %rbp\n"
        "  ret\n"
        ".balign 32, 0xcc\n"
        ".globl raw_futex, raw_call, call_it, first_table, second_table\n");

long raw_futex(uint32_t *word, long operation, long value);
long call_it(long number, long a, long b, long c, long d);
extern const unsigned char first_table[10], second_table[8];

static uint32_t turn;
enum { THREADS = 4, ROUNDS = 200 };

// Each waits until the turn is its own, by the two kinds of call in turns, and passes it on.
static void *takes_turns(void *argument) {
    uint32_t own = (uint32_t)(intptr_t)argument;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t now;
        while ((now = __atomic_load_n(&turn, __ATOMIC_SEQ_CST)) % THREADS != own) {
            if (round % 2)
                raw_futex(&turn, FUTEX_WAIT_PRIVATE, now);
            else
                call_it(SYS_futex, (long)&turn, FUTEX_WAIT_PRIVATE, now, 0);
        }
        __atomic_fetch_add(&turn, 1, __ATOMIC_SEQ_CST);
        if (round % 3)
            raw_futex(&turn, FUTEX_WAKE_PRIVATE, INT32_MAX);
        else
            CHECK(call_it(SYS_futex, (long)&turn, FUTEX_WAKE_PRIVATE, INT32_MAX, 0) >= 0);
    }
    return NULL;
}

// The tables and code that is written while the program runs: `mov %edi, %eax; syscall; ret`.
static void untouched(void) {
    static const unsigned char first[] = "\x90\x0f\x05\xc3\x48\x89\xf8\x0f\x05\xc3", code[] = "\x89\xf8\x0f\x05\xc3";
    CHECK(memcmp(first_table, first, sizeof first - 1) == 0);
    for (int i = 0; i < 8; i++) CHECK_EQ(second_table[i], i % 2 ? 0x05 : 0x0f);
    unsigned char *made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(made != MAP_FAILED);
    memcpy(made, code, sizeof code);
    CHECK_EQ(mprotect(made, 4096, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(((long (*)(long))made)(SYS_getppid), getppid());
    CHECK(memcmp(made, code, sizeof code) == 0);
}

int main(void) {
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++) threads[i] = start(takes_turns, (void *)i);
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    CHECK_EQ(turn, THREADS * ROUNDS);
    // A thread's own number is virtual, whoever asks for it.
    CHECK_EQ(call_it(SYS_gettid, 0, 0, 0, 0), gettid());
    CHECK_EQ(call_it(SYS_close, -1, 0, 0, 0), -EBADF);
    untouched();
    puts("ok");
    return 0;
}
