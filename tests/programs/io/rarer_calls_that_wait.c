// creat and openat2 of a FIFO wait for its other end, io_getevents for an event, while the other threads go on.
// harness: kernel-threads=+5
#include "../check.h"
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/openat2.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char fifo[64];
static aio_context_t context;
static int channel[2];
static sem_t next;

static void *creates(void *unused) {
    int fd = creat(fifo, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "one", 3), 3);
    close(fd);
    CHECK_EQ(sem_wait(&next), 0);
    struct open_how how = {.flags = O_WRONLY};
    fd = (int)syscall(SYS_openat2, AT_FDCWD, fifo, &how, sizeof how);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "two", 3), 3);
    close(fd);
    return unused;
}

static void *takes_an_event(void *unused) {
    struct io_event event;
    CHECK_EQ(syscall(SYS_io_getevents, context, 1, 1, &event, NULL), 1);
    CHECK_EQ(event.data, 7);
    struct timespec soon = from_ns(1000000);
    CHECK_EQ(syscall(SYS_io_getevents, context, 1, 1, &event, &soon), 0);
    return unused;
}

int main(void) {
    char buffer[4] = "";
    CHECK_EQ(sem_init(&next, 0, 0), 0);
    snprintf(fifo, sizeof fifo, "/tmp/patchall-fifo-%d", (int)getpid());
    CHECK_EQ(mkfifo(fifo, 0600), 0);
    pthread_t creator = start(creates, NULL);
    for (int i = 0; i < 2; i++) {
        let_others_block();
        int fd = open(fifo, O_RDONLY);
        CHECK(fd >= 0);
        CHECK_EQ(read(fd, buffer, 3), 3);
        puts(buffer);
        CHECK_EQ(read(fd, buffer, 3), 0);
        close(fd);
        OK(sem_post(&next));
    }
    join(creator);
    unlink(fifo);

    CHECK_EQ(syscall(SYS_io_setup, 4, &context), 0);
    CHECK_EQ(pipe(channel), 0);
    pthread_t taker = start(takes_an_event, NULL);
    let_others_block();
    struct iocb poll = {.aio_data = 7, .aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (uint32_t)channel[0], .aio_buf = 1};
    struct iocb *list[] = {&poll};
    CHECK_EQ(syscall(SYS_io_submit, context, 1, list), 1);
    let_others_block();
    CHECK_EQ(write(channel[1], "x", 1), 1);
    join(taker);
    CHECK_EQ(syscall(SYS_io_destroy, context), 0);
    puts("done");
    return 0;
}
