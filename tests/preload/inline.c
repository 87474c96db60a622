/* A library with a system call of its own, as libgomp has. */
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>

static long futex(int *word, int op, int value)
{
    register long no_timeout __asm__("r10") = 0;
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"((long)SYS_futex), "D"(word), "S"((long)op), "d"((long)value), "r"(no_timeout)
                     : "rcx", "r11", "memory");
    return r;
}

void inline_wait(int *word, int value)
{
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value)
        futex(word, FUTEX_WAIT_PRIVATE, value);
}

void inline_wake(int *word)
{
    futex(word, FUTEX_WAKE_PRIVATE, 1);
}
