// Thread ids: main's is the pid, the others' are distinct and stable; tgkill knows them and no others; names are kept
// for each thread and can be read by prctl and pthread_getname_np, by others too.
#include "../check.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { COUNT = 20 };

static pid_t tids[COUNT];
static pthread_barrier_t barrier;

static void *knows_itself(void *argument) {
    int own = (int)(intptr_t)argument;
    char name[16], read[16];
    tids[own] = gettid();
    CHECK(tids[own] > 0 && tids[own] != getpid());
    CHECK_EQ(syscall(SYS_gettid), tids[own]);
    CHECK_EQ(syscall(SYS_tgkill, getpid(), tids[own], 0), 0);
    CHECK_EQ(syscall(SYS_tkill, tids[own], 0), 0);
    OK(pthread_getname_np(pthread_self(), read, sizeof read));
    CHECK_EQ(strcmp(read, "maker"), 0);
    snprintf(name, sizeof name, "thread-%d", own);
    if (own % 2) CHECK_EQ(prctl(PR_SET_NAME, name), 0);
    else OK(pthread_setname_np(pthread_self(), name));
    pthread_barrier_wait(&barrier);
    usleep(1000);
    CHECK_EQ(gettid(), tids[own]);
    CHECK_EQ(prctl(PR_GET_NAME, read), 0);
    CHECK_EQ(strcmp(read, name), 0);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    CHECK_EQ(prctl(PR_GET_NAME, read), 0);
    CHECK_EQ(strcmp(read, own == 3 ? "renamed" : name), 0);
    return NULL;
}

int main(void) {
    pthread_t threads[COUNT];
    char name[16], expected[16];
    CHECK_EQ(gettid(), getpid());
    CHECK_EQ(prctl(PR_SET_NAME, "maker"), 0);
    OK(pthread_barrier_init(&barrier, NULL, COUNT + 1));
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(knows_itself, (void *)i);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < i; j++) CHECK(tids[i] != tids[j]);
        CHECK_EQ(syscall(SYS_tgkill, getpid(), tids[i], 0), 0);
        OK(pthread_getname_np(threads[i], name, sizeof name));
        snprintf(expected, sizeof expected, "thread-%d", i);
        CHECK_EQ(strcmp(name, expected), 0);
    }
    OK(pthread_setname_np(threads[3], "renamed"));
    CHECK_EQ(pthread_setname_np(threads[4], "a name that is too long"), ERANGE);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    // The kernel lets a thread be joined a moment before it is gone.
    while (syscall(SYS_tgkill, getpid(), tids[0], 0) == 0) let_others_run();
    CHECK_EQ(errno, ESRCH);
    FAILS(syscall(SYS_tgkill, getpid(), -1, 0), EINVAL);
    CHECK_EQ(syscall(SYS_tgkill, getpid(), getpid(), 0), 0);
    CHECK_EQ(gettid(), getpid());
    OK(pthread_getname_np(pthread_self(), name, sizeof name));
    puts(name);
    return 0;
}
