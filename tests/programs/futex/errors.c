// What futex refuses: wrong alignment, wrong times, unknown operations, and memory that is not there (EFAULT).
#include "futex.h"
#include <sys/mman.h>

static uint32_t words[2];

static void *errs(void *hole) {
    struct timespec wrong = {.tv_sec = 0, .tv_nsec = 1000000000}, negative = {.tv_sec = -1, .tv_nsec = 0};
    FAILS(futex((char *)words + 1, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EINVAL);
    FAILS(futex((char *)words + 1, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), EINVAL);
    FAILS(futex(words, FUTEX_WAIT_PRIVATE, 0, &wrong, NULL, 0), EINVAL);
    FAILS(futex(words, FUTEX_WAIT_PRIVATE, 0, &negative, NULL, 0), EINVAL);
    FAILS(futex(words, FUTEX_WAIT_PRIVATE, 1, &wrong, NULL, 0), EINVAL);
    FAILS(futex(words, 99, 0, NULL, NULL, 0), ENOSYS);
    FAILS(futex(hole, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EFAULT);
    FAILS(futex(NULL, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EFAULT);
    FAILS(futex((void *)(1UL << 60), FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EFAULT);
    FAILS(futex(words, FUTEX_WAIT_PRIVATE, 0, hole, NULL, 0), EFAULT);
    FAILS(futex(words, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, (char *)words + 1, 0), EINVAL);
    FAILS(futex(hole, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, words, 0), EFAULT);
    FAILS(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, hole, FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0)), EFAULT);
    // Nobody needs the memory of a private word to wake nobody.
    CHECK_EQ(futex(hole, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
    FAILS(futex(hole, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    return NULL;
}

int main(void) {
    void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(hole != MAP_FAILED);
    CHECK_EQ(munmap(hole, 4096), 0);
    hole = mmap(hole, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(hole != MAP_FAILED);
    join(start(errs, hole));
    errs(hole);
    puts("ok");
    return 0;
}
