// harness: kernel-threads=+6
// Opening a FIFO waits for the other side; several readers and writers come and go; the end comes with the last writer.
#include "net.h"
#include <sys/stat.h>

enum { ROUNDS = 20 };

static char path[] = "/tmp/fifo-XXXXXX", fifo[64];

static void *writes(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        int fd = open(fifo, O_WRONLY);
        CHECK(fd >= 0);
        CHECK_EQ(write(fd, &i, sizeof i), sizeof i);
        CHECK_EQ(close(fd), 0);
        // The reader has seen the end before the next round.
        int back = open(fifo, O_RDONLY), value;
        CHECK_EQ(read(back, &value, sizeof value), sizeof value);
        CHECK_EQ(value, i + 1000);
        CHECK_EQ(read(back, &value, sizeof value), 0);
        CHECK_EQ(close(back), 0);
    }
    return unused;
}

int main(void) {
    CHECK(mkdtemp(path) != NULL);
    snprintf(fifo, sizeof fifo, "%s/fifo", path);
    CHECK_EQ(mkfifo(fifo, 0600), 0);
    FAILS(open(fifo, O_WRONLY | O_NONBLOCK), ENXIO);
    pthread_t writer = start(writes, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        int fd = open(fifo, O_RDONLY), value;
        CHECK(fd >= 0);
        CHECK_EQ(read(fd, &value, sizeof value), sizeof value);
        CHECK_EQ(value, i);
        CHECK_EQ(read(fd, &value, sizeof value), 0);
        CHECK_EQ(close(fd), 0);
        fd = open(fifo, O_WRONLY);
        value += 1000;
        CHECK_EQ(write(fd, &value, sizeof value), sizeof value);
        CHECK_EQ(close(fd), 0);
    }
    join(writer);
    CHECK_EQ(unlink(fifo), 0);
    CHECK_EQ(rmdir(path), 0);
    puts("ok");
    return 0;
}
