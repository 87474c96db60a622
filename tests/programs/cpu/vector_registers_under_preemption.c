// Threads hold values of their own in all general, SSE, AVX and AVX-512 registers (mask registers too) over loops that
// make no call: whoever interrupts them restores every bit. What the processor lacks is left out.
#include "../check.h"

enum { COUNT = 6, ROUNDS = 40, SPINS = 2000000 };

// Loads 16 or 32 vector registers, spins, and stores them again, all in one piece of assembly.
#define SPIN "mov %[spins], %%rcx\n1: dec %%rcx\njnz 1b\n"
#define LOAD4(move, reg, a, b, c, d, size)                                                          \
    move " " #a "*" #size "(%[in]), %%" reg #a "\n" move " " #b "*" #size "(%[in]), %%" reg #b "\n"  \
    move " " #c "*" #size "(%[in]), %%" reg #c "\n" move " " #d "*" #size "(%[in]), %%" reg #d "\n"
#define STORE4(move, reg, a, b, c, d, size)                                                          \
    move " %%" reg #a ", " #a "*" #size "(%[out])\n" move " %%" reg #b ", " #b "*" #size "(%[out])\n" \
    move " %%" reg #c ", " #c "*" #size "(%[out])\n" move " %%" reg #d ", " #d "*" #size "(%[out])\n"
#define ALL16(each, move, reg, size)                                                                       \
    each(move, reg, 0, 1, 2, 3, size) each(move, reg, 4, 5, 6, 7, size) each(move, reg, 8, 9, 10, 11, size) \
        each(move, reg, 12, 13, 14, 15, size)
#define HIGH16(each, move, reg, size)                                                                           \
    each(move, reg, 16, 17, 18, 19, size) each(move, reg, 20, 21, 22, 23, size) each(move, reg, 24, 25, 26, 27, size) \
        each(move, reg, 28, 29, 30, 31, size)
#define LOW_CLOBBERS                                                                                                  \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
        "xmm14", "xmm15"

static void hold_sse(const void *in, void *out) {
    __asm__ volatile(ALL16(LOAD4, "movups", "xmm", 16) SPIN ALL16(STORE4, "movups", "xmm", 16)
                     : : [in] "r"(in), [out] "r"(out), [spins] "r"((long)SPINS) : "rcx", "cc", "memory", LOW_CLOBBERS);
}

__attribute__((target("avx"))) static void hold_avx(const void *in, void *out) {
    __asm__ volatile(ALL16(LOAD4, "vmovups", "ymm", 32) SPIN ALL16(STORE4, "vmovups", "ymm", 32) "vzeroupper\n"
                     : : [in] "r"(in), [out] "r"(out), [spins] "r"((long)SPINS) : "rcx", "cc", "memory", LOW_CLOBBERS);
}

#define HIGH_CLOBBERS                                                                                                 \
    "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", \
        "xmm29", "xmm30", "xmm31", "k1", "k2", "k7"

__attribute__((target("avx512f,avx512bw"))) static void hold_avx512(const void *in, void *out) {
    __asm__ volatile(ALL16(LOAD4, "vmovups", "zmm", 64) HIGH16(LOAD4, "vmovups", "zmm", 64)
                     "kmovq 2048(%[in]), %%k1\nkmovq 2056(%[in]), %%k2\nkmovq 2064(%[in]), %%k7\n" SPIN
                     ALL16(STORE4, "vmovups", "zmm", 64) HIGH16(STORE4, "vmovups", "zmm", 64)
                     "kmovq %%k1, 2048(%[out])\nkmovq %%k2, 2056(%[out])\nkmovq %%k7, 2064(%[out])\nvzeroupper\n"
                     : : [in] "r"(in), [out] "r"(out), [spins] "r"((long)SPINS)
                     : "rcx", "cc", "memory", LOW_CLOBBERS, HIGH_CLOBBERS);
}

static void hold_general(const void *in, void *out) {
    __asm__ volatile(
        "mov 0(%[in]), %%rax\nmov 8(%[in]), %%rbx\nmov 16(%[in]), %%rdx\nmov 24(%[in]), %%r8\nmov 32(%[in]), %%r9\n"
        "mov 40(%[in]), %%r10\nmov 48(%[in]), %%r11\nmov 56(%[in]), %%r12\nmov 64(%[in]), %%r13\nmov 72(%[in]), %%r14\n"
        "std\nmov $2000000, %%ecx\n1: dec %%ecx\njnz 1b\npushfq\ncld\npop %%r15\nshr $10, %%r15\nand $1, %%r15\n"
        "mov %%rax, 0(%[out])\nmov %%rbx, 8(%[out])\nmov %%rdx, 16(%[out])\nmov %%r8, 24(%[out])\nmov %%r9, 32(%[out])\n"
        "mov %%r10, 40(%[out])\nmov %%r11, 48(%[out])\nmov %%r12, 56(%[out])\nmov %%r13, 64(%[out])\n"
        "mov %%r14, 72(%[out])\nmov %%r15, 80(%[out])\n"
        : : [in] "S"(in), [out] "D"(out)
        : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory");
}

static void *holds(void *argument) {
    unsigned char in[2072], out[2072];
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < sizeof in; i++) in[i] = (unsigned char)((i + 1) * 31 + (uintptr_t)argument * 17 + (size_t)round);
        memset(out, 0, sizeof out);
        hold_general(in, out);
        CHECK_EQ(memcmp(in, out, 80), 0);
        // The direction flag was set meanwhile.
        CHECK_EQ(out[80], 1);
        hold_sse(in, out);
        CHECK_EQ(memcmp(in, out, 256), 0);
        if (__builtin_cpu_supports("avx")) {
            hold_avx(in, out);
            CHECK_EQ(memcmp(in, out, 512), 0);
        }
        if (__builtin_cpu_supports("avx512bw")) {
            hold_avx512(in, out);
            CHECK_EQ(memcmp(in, out, sizeof in), 0);
        }
    }
    return NULL;
}

int main(void) {
    pthread_t threads[COUNT];
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(holds, (void *)i);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    puts("ok");
    return 0;
}
