// harness: kernel-threads=+6
// POSIX and System V message queues and semaphores between threads: full and empty ones wait, timeouts, EAGAIN.
// harness: libs=-lrt
#include "net.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

enum { COUNT = 100 };

static mqd_t queue;
static int messages, semaphores;

struct message {
    long type;
    int value;
};

static void *sends(void *unused) {
    for (int i = 0; i < COUNT; i++) {
        struct message message = {1 + i % 2, i};
        CHECK_EQ(mq_send(queue, (char *)&i, sizeof i, 0), 0);
        CHECK_EQ(msgsnd(messages, &message, sizeof message.value, 0), 0);
        struct sembuf down = {0, -1, 0};
        CHECK_EQ(semop(semaphores, &down, 1), 0);
    }
    return unused;
}

int main(void) {
    char name[64];
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = sizeof(int)};
    snprintf(name, sizeof name, "/queue-%d", getpid());
    queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
    CHECK(queue >= 0);
    CHECK_EQ(mq_unlink(name), 0);
    messages = msgget(IPC_PRIVATE, 0600);
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    CHECK(messages >= 0 && semaphores >= 0);
    pthread_t sender = start(sends, NULL);
    for (int i = 0; i < COUNT; i++) {
        int value;
        struct message message;
        CHECK_EQ(mq_receive(queue, (char *)&value, sizeof value, NULL), sizeof value);
        CHECK_EQ(value, i);
        CHECK_EQ(msgrcv(messages, &message, sizeof message.value, 1 + i % 2, 0), sizeof message.value);
        CHECK_EQ(message.value, i);
        struct sembuf up = {0, 1, 0};
        CHECK_EQ(semop(semaphores, &up, 1), 0);
    }
    join(sender);
    int value;
    struct message message;
    struct sembuf down = {0, -1, 0};
    int64_t deadline = now_ns(CLOCK_REALTIME) + 20000000;
    struct timespec time = from_ns(deadline);
    FAILS(mq_timedreceive(queue, (char *)&value, sizeof value, NULL, &time), ETIMEDOUT);
    CHECK(now_ns(CLOCK_REALTIME) >= deadline);
    FAILS(msgrcv(messages, &message, sizeof message.value, 0, IPC_NOWAIT), ENOMSG);
    time = from_ns(20000000);
    FAILS(semtimedop(semaphores, &down, 1, &time), EAGAIN);
    CHECK_EQ(msgctl(messages, IPC_RMID, NULL), 0);
    CHECK_EQ(semctl(semaphores, 0, IPC_RMID), 0);
    puts("ok");
    return 0;
}
