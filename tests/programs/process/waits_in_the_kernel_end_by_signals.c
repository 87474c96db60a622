// harness: kernel-threads=+122
// flock, record locks, semaphores and message queues: many threads wait at once, a handler ends the wait with EINTR or,
// under SA_RESTART where signal(7) says so, does not; and whoever is let go, goes on.
#include "../check.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/sem.h>

enum { THREADS = 4, ROUNDS = 20, MANY = 100 };
enum { FLOCK, RECORD, SEMAPHORE, MESSAGE, KINDS };

static char path[64];
static int file, semaphore, queue;
static int waiting;

static void does_nothing(int number) { (void)number; }

static int record_lock(int fd, int command, int type) {
    struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET};
    return fcntl(fd, command, &lock);
}

static int wait_for(int kind, int fd) {
    struct sembuf take = {0, -1, 0};
    struct {
        long type;
        char text[8];
    } message;
    switch (kind) {
    case FLOCK: return flock(fd, LOCK_EX);
    case RECORD: return record_lock(fd, F_OFD_SETLKW, F_WRLCK);
    case SEMAPHORE: return semop(semaphore, &take, 1);
    default: return msgrcv(queue, &message, sizeof message.text, 0, 0) < 0 ? -1 : 0;
    }
}

// Returns 0, or the errno.
static void *waits(void *kind) {
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
    int result = wait_for((int)(intptr_t)kind, fd), error = errno;
    close(fd);
    return (void *)(intptr_t)(result == 0 ? 0 : error);
}

static void hold(void) {
    CHECK_EQ(flock(file, LOCK_EX), 0);
    CHECK_EQ(record_lock(file, F_OFD_SETLK, F_WRLCK), 0);
}

static void let_go(int kind, int threads) {
    struct sembuf give = {0, 1, 0};
    struct {
        long type;
        char text[8];
    } message = {.type = 1};
    CHECK_EQ(flock(file, LOCK_UN), 0);
    CHECK_EQ(record_lock(file, F_OFD_SETLK, F_UNLCK), 0);
    for (int i = 0; i < threads; i++) {
        if (kind == SEMAPHORE) CHECK_EQ(semop(semaphore, &give, 1), 0);
        if (kind == MESSAGE) CHECK_EQ(msgsnd(queue, &message, 1, 0), 0);
    }
}

static void start_waiting(pthread_t *threads, int count, int kind) {
    __atomic_store_n(&waiting, 0, __ATOMIC_SEQ_CST);
    hold();
    for (int i = 0; i < count; i++) threads[i] = start(waits, (void *)(intptr_t)kind);
    while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < count) let_others_run();
}

int main(void) {
    pthread_t threads[MANY];
    struct sigaction action = {.sa_handler = does_nothing};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    action.sa_flags = SA_RESTART;
    CHECK_EQ(sigaction(SIGUSR2, &action, NULL), 0);
    snprintf(path, sizeof path, "/tmp/waits_in_the_kernel.%d", (int)getpid());
    CHECK((file = open(path, O_CREAT | O_RDWR, 0600)) >= 0);
    CHECK((semaphore = semget(IPC_PRIVATE, 1, 0600)) >= 0);
    CHECK((queue = msgget(IPC_PRIVATE, 0600)) >= 0);

    for (int kind = 0; kind < KINDS; kind++) {
        // More at once than any small pool of threads would serve.
        start_waiting(threads, MANY, kind);
        let_go(kind, MANY);
        for (int i = 0; i < MANY; i++) CHECK_EQ((intptr_t)join(threads[i]), 0);

        for (int round = 0; round < ROUNDS; round++) {
            start_waiting(threads, THREADS, kind);
            for (int i = 0; i < THREADS; i++) {
                // The handler may run before the call: again, until the thread has ended.
                void *result;
                while (pthread_tryjoin_np(threads[i], &result) != 0) {
                    OK(pthread_kill(threads[i], SIGUSR1));
                    let_others_run();
                }
                CHECK_EQ((intptr_t)result, EINTR);
            }
            let_go(-1, 0);
        }

        for (int round = 0; round < ROUNDS && kind <= RECORD; round++) {
            start_waiting(threads, THREADS, kind);
            for (int i = 0; i < THREADS; i++) OK(pthread_kill(threads[i], SIGUSR2));
            let_go(kind, THREADS);
            for (int i = 0; i < THREADS; i++) CHECK_EQ((intptr_t)join(threads[i]), 0);
        }
    }
    semctl(semaphore, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, NULL);
    unlink(path);
    puts("ok");
    return 0;
}
