// Threads that set their ids by the system call itself, past libc, set their own only: Samba serves its clients so.
// harness: kernel-threads=+20
#include "../check.h"
#include <semaphore.h>
#include <sys/syscall.h>

enum { COUNT = 6 };

static sem_t go[COUNT], done;

static void *serves(void *argument) {
    int own = (int)(intptr_t)argument;
    if (geteuid() == 0 && own % 2) CHECK_EQ(syscall(SYS_setresuid, -1, 1000 + own, -1), 0);
    for (int round = 0; round < 2; round++) {
        CHECK_EQ(sem_post(&done), 0);
        CHECK_EQ(sem_wait(&go[own]), 0);
        uid_t expected = getuid() != 0 ? geteuid() : own % 2 ? 1000 + (uid_t)own : 0;
        CHECK_EQ(geteuid(), expected);
    }
    return NULL;
}

static void each_once(void) {
    for (int i = 0; i < COUNT; i++) CHECK_EQ(sem_wait(&done), 0);
}

int main(void) {
    pthread_t threads[COUNT];
    CHECK_EQ(sem_init(&done, 0, 0), 0);
    for (intptr_t i = 0; i < COUNT; i++) CHECK_EQ(sem_init(&go[i], 0, 0), 0);
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(serves, (void *)i);
    each_once();
    if (getuid() == 0) CHECK_EQ(geteuid(), 0);
    for (int i = 0; i < COUNT; i++) CHECK_EQ(sem_post(&go[i]), 0);
    each_once();
    if (getuid() == 0) CHECK_EQ(geteuid(), 0);
    for (int i = 0; i < COUNT; i++) CHECK_EQ(sem_post(&go[i]), 0);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    puts("ok");
    return 0;
}
