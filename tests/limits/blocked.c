// blocked COUNT: threads wait for each other in calls that can only block in the kernel: file locks, System V semaphores and
// queues, semaphores in shared memory, with and without limits. Prints ok when nothing was lost.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5 };

#define CHECK(what) ((what) ? (void)0 : (fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #what, errno), _exit(1)))

// What each of three locks guards.
static long first[3], second[3];
static int semaphores, queue, file;
static sem_t *shared;

static void work(int lock) {
    CHECK(first[lock] == second[lock]);
    first[lock]++;
    sched_yield();
    second[lock]++;
}

static void *locks(void *unused) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int own = open(path, O_RDWR);
    CHECK(own >= 0);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(flock(own, LOCK_EX) == 0);
        work(0);
        CHECK(flock(own, LOCK_UN) == 0);
        struct sembuf down = {0, -1, 0}, up = {0, 1, 0};
        CHECK(semop(semaphores, &down, 1) == 0);
        work(1);
        CHECK(semop(semaphores, &up, 1) == 0);
        CHECK(sem_wait(shared) == 0);
        work(2);
        CHECK(sem_post(shared) == 0);
    }
    close(own);
    return unused;
}

struct message {
    long type;
    char text[8];
};

static void *receives(void *unused) {
    struct message message;
    for (int i = 0; i < ROUNDS; i++) CHECK(msgrcv(queue, &message, sizeof message.text, 0, 0) == sizeof message.text);
    return unused;
}

static void *sends(void *unused) {
    struct message message = {1, "message"};
    for (int i = 0; i < ROUNDS; i++) CHECK(msgsnd(queue, &message, sizeof message.text, 0) == 0);
    return unused;
}

// A limit counts from the beginning of the call, however often it is called off.
static void *waits_in_vain(void *unused) {
    struct timespec limit = {0, 50000000}, before, after;
    struct sembuf never = {1, -1, 0};
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK(semtimedop(semaphores, &never, 1, &limit) == -1 && errno == EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 50000000);
    return unused;
}

int main(int words, char **word) {
    int count = words > 1 ? atoi(word[1]) : 8;
    pthread_t threads[4 * 64];
    void *(*jobs[])(void *) = {locks, receives, sends, waits_in_vain};
    if (count > 64) return 1;
    file = memfd_create("lock", 0);
    semaphores = semget(IPC_PRIVATE, 2, 0600);
    queue = msgget(IPC_PRIVATE, 0600);
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(file >= 0 && semaphores >= 0 && queue >= 0 && shared != MAP_FAILED);
    CHECK(semctl(semaphores, 0, SETVAL, 1) == 0 && sem_init(shared, 1, 1) == 0);
    for (int i = 0; i < 4 * count; i++) CHECK(pthread_create(&threads[i], NULL, jobs[i % 4], NULL) == 0);
    for (int i = 0; i < 4 * count; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    semctl(semaphores, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, NULL);
    for (int i = 0; i < 3; i++) CHECK(first[i] == (long)ROUNDS * count && second[i] == first[i]);
    puts("ok");
    return 0;
}
