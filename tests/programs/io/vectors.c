// readv, writev, preadv, pwritev, preadv2, pwritev2: scattered buffers, empty parts, too many parts.
#include "net.h"
#include <sys/uio.h>

static int channel[2];

static void *writes(void *unused) {
    struct iovec parts[] = {{"one ", 4}, {"", 0}, {"two ", 4}, {"three", 5}};
    let_others_block();
    CHECK_EQ(writev(channel[1], parts, 4), 13);
    CHECK_EQ(close(channel[1]), 0);
    return unused;
}

int main(void) {
    char first[6], second[20] = {0}, path[] = "/tmp/vectors-XXXXXX";
    struct iovec parts[] = {{first, sizeof first}, {NULL, 0}, {second, sizeof second}};
    CHECK_EQ(pipe(channel), 0);
    pthread_t writer = start(writes, NULL);
    CHECK_EQ(readv(channel[0], parts, 3), 13);
    CHECK_EQ(memcmp(first, "one tw", 6), 0);
    CHECK_EQ(strcmp(second, "o three"), 0);
    CHECK_EQ(readv(channel[0], parts, 3), 0);
    join(writer);
    // Volatile, lest the compiler warn of what the kernel is to refuse.
    volatile int negative = -1, many = 100000;
    FAILS(readv(channel[0], parts, negative), EINVAL);
    FAILS(readv(channel[0], parts, many), EINVAL);
    int file = mkstemp(path);
    CHECK(file >= 0);
    CHECK_EQ(unlink(path), 0);
    struct iovec out[] = {{"abc", 3}, {"defgh", 5}};
    CHECK_EQ(pwritev(file, out, 2, 10), 8);
    CHECK_EQ(preadv(file, parts, 3, 11), 7);
    CHECK_EQ(memcmp(first, "bcdefg", 6), 0);
    CHECK_EQ(pwritev2(file, out, 2, 0, RWF_DSYNC), 8);
    CHECK_EQ(preadv2(file, parts, 3, 2, 0), 16);
    FAILS(preadv(channel[0], parts, 3, 0), ESPIPE);
    puts("ok");
    return 0;
}
