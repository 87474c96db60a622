// Threads that libc makes for itself, before the program makes any: asynchronous input and output, notification by a
// thread, asynchronous name look-up.
// harness: kernel-threads=+3
#include "../check.h"
#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netdb.h>
#include <semaphore.h>
#include <signal.h>

static sem_t notified;

static void on_message(union sigval value) {
    CHECK_EQ(value.sival_int, 7);
    sem_post(&notified);
}

static void *empty(void *argument) {
    return argument;
}

int main(void) {
    int ends[2];
    char written[] = "by a thread", read_back[sizeof written] = "";
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(sem_init(&notified, 0, 0), 0);

    // The read waits for the write.
    struct aiocb in = {.aio_fildes = ends[0], .aio_buf = read_back, .aio_nbytes = sizeof read_back};
    struct aiocb out = {.aio_fildes = ends[1], .aio_buf = written, .aio_nbytes = sizeof written};
    const struct aiocb *both[] = {&in, &out};
    CHECK_EQ(aio_read(&in), 0);
    CHECK_EQ(aio_write(&out), 0);
    while (aio_error(&in) == EINPROGRESS || aio_error(&out) == EINPROGRESS) CHECK_EQ(aio_suspend(both, 2, NULL), 0);
    CHECK_EQ(aio_return(&in), sizeof written);
    CHECK_EQ(aio_return(&out), sizeof written);
    CHECK_EQ(strcmp(read_back, written), 0);

    char name[40];
    snprintf(name, sizeof name, "/made_inside_%d", (int)getpid());
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attributes);
    if (queue != (mqd_t)-1) {
        struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_message};
        event.sigev_value.sival_int = 7;
        CHECK_EQ(mq_notify(queue, &event), 0);
        CHECK_EQ(mq_send(queue, "x", 1, 0), 0);
        CHECK_EQ(sem_wait(&notified), 0);
        mq_unlink(name);
    }

    struct gaicb look_up = {.ar_name = "127.0.0.1"}, *list[] = {&look_up};
    CHECK_EQ(getaddrinfo_a(GAI_WAIT, list, 1, NULL), 0);
    CHECK_EQ(gai_error(&look_up), 0);
    freeaddrinfo(look_up.ar_result);
    CHECK_EQ((intptr_t)join(start(empty, (void *)5)), 5);
    puts("ok");
    return 0;
}
