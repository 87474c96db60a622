// harness: kernel-threads=+22
// Regular files in many threads: pread and pwrite, append, fsync, locks by flock and fcntl (waiting ones too).
#include "net.h"
#include <sys/file.h>

enum { THREADS = 8, ROUNDS = 50 };

static char path[] = "/tmp/regular-XXXXXX";
// Volatile: the compiler does not know that a file lock lets others change it.
static volatile long by_flock, by_fcntl;

static void *writes_its_part(void *argument) {
    int own = (int)(intptr_t)argument, file = open(path, O_RDWR);
    char out[512], in[512];
    for (int i = 0; i < ROUNDS; i++) {
        off_t offset = (off_t)(own * ROUNDS + i) * (off_t)sizeof out;
        memset(out, own * 16 + i % 16, sizeof out);
        CHECK_EQ(pwrite(file, out, sizeof out, offset), sizeof out);
        if (i % 25 == 0) CHECK_EQ(fdatasync(file), 0);
        CHECK_EQ(pread(file, in, sizeof in, offset), sizeof in);
        CHECK_EQ(memcmp(in, out, sizeof in), 0);
    }
    CHECK_EQ(fsync(file), 0);
    // A description of its own for each thread: flock excludes them from each other.
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(flock(file, LOCK_EX), 0);
        long seen = by_flock;
        if (i % 10 == 0) let_others_run();
        by_flock = seen + 1;
        CHECK_EQ(flock(file, LOCK_UN), 0);
    }
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    for (int i = 0; i < ROUNDS; i++) {
        whole.l_type = F_WRLCK;
        CHECK_EQ(fcntl(file, F_OFD_SETLKW, &whole), 0);
        long seen = by_fcntl;
        if (i % 10 == 0) let_others_run();
        by_fcntl = seen + 1;
        whole.l_type = F_UNLCK;
        CHECK_EQ(fcntl(file, F_OFD_SETLK, &whole), 0);
    }
    CHECK_EQ(close(file), 0);
    return NULL;
}

static void *appends(void *argument) {
    int file = open(path, O_WRONLY | O_APPEND);
    for (int i = 0; i < ROUNDS; i++) CHECK_EQ(write(file, argument, 10), 10);
    CHECK_EQ(close(file), 0);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    int file = mkstemp(path);
    CHECK(file >= 0);
    for (intptr_t i = 0; i < THREADS; i++) threads[i] = start(writes_its_part, (void *)i);
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    CHECK_EQ(by_flock, THREADS * ROUNDS);
    CHECK_EQ(by_fcntl, THREADS * ROUNDS);
    for (int i = 0; i < THREADS; i++) threads[i] = start(appends, "0123456789");
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    CHECK_EQ(lseek(file, 0, SEEK_END), THREADS * ROUNDS * 522);
    CHECK_EQ(unlink(path), 0);
    puts("ok");
    return 0;
}
