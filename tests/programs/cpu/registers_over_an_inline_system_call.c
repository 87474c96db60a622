// A system call instruction of the program's own (a futex wait) keeps every vector register, as the kernel does: only
// rax, rcx and r11 change. The flags, the red zone and the stack below it are kept too.
#include "../check.h"
#include <linux/futex.h>
#include <sys/syscall.h>

enum { COUNT = 4, ROUNDS = 500 };

static uint32_t words[COUNT];

// Waits on the word while four registers and the red zone hold values, and stores them afterwards. Not inlined, so that
// the red zone it writes to is free.
__attribute__((target("avx"), noinline)) static long wait_with_live_ymm(uint32_t *word, uint32_t value, const void *in, void *out) {
    long result;
    register long r10 __asm__("r10") = 0;
    __asm__ volatile(
        "vmovups 0(%[in]), %%ymm0\nvmovups 32(%[in]), %%ymm7\nvmovups 64(%[in]), %%ymm8\nvmovups 96(%[in]), %%ymm15\n"
        "movq $0x1234, -8(%%rsp)\nmovq $0x5678, -128(%%rsp)\n"
        "syscall\n"
        "vmovups %%ymm0, 0(%[out])\nvmovups %%ymm7, 32(%[out])\nvmovups %%ymm8, 64(%[out])\nvmovups %%ymm15, 96(%[out])\n"
        "mov -8(%%rsp), %%rcx\nmov %%rcx, 128(%[out])\nmov -128(%%rsp), %%rcx\nmov %%rcx, 136(%[out])\nvzeroupper\n"
        : "=a"(result)
        : "a"((long)SYS_futex), "D"(word), "S"((long)FUTEX_WAIT_PRIVATE), "d"((long)value), "r"(r10), [in] "r"(in), [out] "r"(out)
        : "rcx", "r11", "cc", "memory", "xmm0", "xmm7", "xmm8", "xmm15");
    return result;
}

__attribute__((noinline)) static void waits_once(int own, int round) {
    unsigned char in[128], out[144];
    memset(in, own * 16 + round % 16 + 1, sizeof in);
    while (__atomic_load_n(&words[own], __ATOMIC_SEQ_CST) == (uint32_t)round) {
        long result = wait_with_live_ymm(&words[own], (uint32_t)round, in, out);
        CHECK(result == 0 || result == -EAGAIN);
        CHECK_EQ(memcmp(in, out, sizeof in), 0);
        CHECK_EQ(*(uint64_t *)(out + 128), 0x1234);
        CHECK_EQ(*(uint64_t *)(out + 136), 0x5678);
    }
}

static void *waits(void *argument) {
    int own = (int)(intptr_t)argument;
    for (int round = 0; round < ROUNDS; round++) {
        if (__builtin_cpu_supports("avx")) waits_once(own, round);
        else while (__atomic_load_n(&words[own], __ATOMIC_SEQ_CST) == (uint32_t)round) let_others_run();
    }
    return NULL;
}

__attribute__((target("avx"))) static void clobber_vectors(void) {
    __asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\nvinsertf128 $1, %%xmm0, %%ymm0, %%ymm0\nvmovups %%ymm0, %%ymm7\n"
                     "vmovups %%ymm0, %%ymm8\nvmovups %%ymm0, %%ymm15\n" ::: "xmm0", "xmm7", "xmm8", "xmm15");
}

static void *wakes(void *argument) {
    int own = (int)(intptr_t)argument;
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 4 == 0) usleep(10);
        if (__builtin_cpu_supports("avx")) clobber_vectors();
        __atomic_add_fetch(&words[own], 1, __ATOMIC_SEQ_CST);
        CHECK(syscall(SYS_futex, &words[own], FUTEX_WAKE_PRIVATE, 1) >= 0);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[2 * COUNT];
    for (intptr_t i = 0; i < 2 * COUNT; i++) threads[i] = start(i < COUNT ? waits : wakes, (void *)(i % COUNT));
    for (int i = 0; i < 2 * COUNT; i++) join(threads[i]);
    puts("ok");
    return 0;
}
