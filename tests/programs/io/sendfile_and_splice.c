// harness: kernel-threads=+8
// sendfile, splice, tee, vmsplice and copy_file_range move data between files, pipes and sockets, and wait where needed.
#include "net.h"
#include <sys/sendfile.h>
#include <sys/uio.h>

enum { SIZE = 4 << 20 };

static int pair[2], channel[2], file;
static unsigned char *data;

static void *sends_the_file(void *unused) {
    off_t offset = 0;
    while (offset < SIZE) CHECK(sendfile(pair[1], file, &offset, (size_t)(SIZE - offset)) > 0);
    CHECK_EQ(shutdown(pair[1], SHUT_WR), 0);
    return unused;
}

static void *splices_to_the_pipe(void *unused) {
    ssize_t count;
    while ((count = splice(pair[0], NULL, channel[1], NULL, 65536, SPLICE_F_MOVE)) > 0) {
    }
    CHECK_EQ(count, 0);
    CHECK_EQ(close(channel[1]), 0);
    return unused;
}

int main(void) {
    char path[] = "/tmp/sendfile-XXXXXX";
    unsigned char buffer[50000];
    size_t done = 0;
    ssize_t count;
    data = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) data[i] = (unsigned char)(i * 2654435761U >> 11);
    file = mkstemp(path);
    CHECK(file >= 0);
    CHECK_EQ(unlink(path), 0);
    write_all(file, data, SIZE);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(pipe(channel), 0);
    pthread_t sender = start(sends_the_file, NULL), splicer = start(splices_to_the_pipe, NULL);
    while ((count = read(channel[0], buffer, sizeof buffer)) > 0) {
        CHECK_EQ(memcmp(buffer, data + done, (size_t)count), 0);
        done += (size_t)count;
    }
    CHECK_EQ(done, SIZE);
    join(sender);
    join(splicer);

    int copy[2];
    CHECK_EQ(pipe(channel), 0);
    CHECK_EQ(pipe(copy), 0);
    struct iovec part = {"teed", 4};
    CHECK_EQ(vmsplice(channel[1], &part, 1, 0), 4);
    CHECK_EQ(tee(channel[0], copy[1], 100, 0), 4);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(read(i ? channel[0] : copy[0], buffer, sizeof buffer), 4);
        CHECK_EQ(memcmp(buffer, "teed", 4), 0);
    }
    FAILS(tee(channel[0], copy[1], 100, SPLICE_F_NONBLOCK), EAGAIN);
    off_t from = 10, to = SIZE;
    CHECK_EQ(copy_file_range(file, &from, file, &to, 1000, 0), 1000);
    CHECK_EQ(pread(file, buffer, 1000, SIZE), 1000);
    CHECK_EQ(memcmp(buffer, data + 10, 1000), 0);
    free(data);
    puts("ok");
    return 0;
}
