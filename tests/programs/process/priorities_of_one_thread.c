// Nice value, policy and affinity are each thread's own: what one sets for itself its children inherit, by fork and by exec;
// others keep theirs; what is set for another thread is what is read; a thread that is gone has none.
// harness: kernel-threads=+20
#include "../check.h"
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static pid_t tids[2];
static sem_t ready, go;
static int root, base;

static int nice_of(pid_t tid) {
    errno = 0;
    int value = getpriority(PRIO_PROCESS, (id_t)tid);
    CHECK_EQ(errno, 0);
    return value;
}

// What a program that this thread starts says of itself.
static int said_by(const char *command) {
    int value = -99;
    FILE *pipe = popen(command, "r");
    CHECK(pipe && fscanf(pipe, "%d", &value) == 1);
    pclose(pipe);
    return value;
}

static int forked_nice(void) {
    int status;
    pid_t pid = fork();
    if (pid == 0) _exit(nice_of(0) + 30);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status) - 30;
}

static int forked_cpus(void) {
    int status;
    cpu_set_t set;
    pid_t pid = fork();
    if (pid == 0) _exit(sched_getaffinity(0, sizeof set, &set) < 0 ? 99 : CPU_COUNT(&set));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void *lowers_itself(void *unused) {
    tids[0] = gettid();
    CHECK_EQ(nice_of(0), base);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, base + 5), 0);
    CHECK_EQ(nice_of(0), base + 5);
    CHECK_EQ(nice_of(gettid()), base + 5);
    CHECK_EQ(forked_nice(), base + 5);
    CHECK_EQ(said_by("nice"), base + 5);
    CHECK_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &(struct sched_param){0}), 0);
    CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
    CHECK_EQ(sem_post(&ready), 0);
    CHECK_EQ(sem_wait(&go), 0);
    CHECK_EQ(nice_of(0), base + 7);
    return unused;
}

static void *stays(void *unused) {
    cpu_set_t set;
    tids[1] = gettid();
    CHECK_EQ(sem_post(&ready), 0);
    CHECK_EQ(sem_wait(&go), 0);
    CHECK_EQ(nice_of(0), base + 3);
    CHECK_EQ(nice_of(gettid()), base + 3);
    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    int first = 0, all = CPU_COUNT(&set);
    while (!CPU_ISSET(first, &set)) first++;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    CHECK_EQ(forked_cpus(), 1);
    CHECK(execl("/nonexistent", "x", NULL) == -1);
    CHECK_EQ(sched_setaffinity(0, sizeof set, &set), 0);
    CHECK_EQ(forked_cpus(), all);
    return unused;
}

static void *has_a_class(void *expected) {
    struct sched_param parameters;
    int policy;
    OK(pthread_getschedparam(pthread_self(), &policy, &parameters));
    CHECK_EQ(policy, (int)(intptr_t)expected);
    CHECK_EQ(sched_getscheduler(0), policy);
    CHECK_EQ(parameters.sched_priority, policy == SCHED_RR ? 10 : 0);
    return NULL;
}

int main(void) {
    pthread_t a, b;
    struct sched_param parameters = {.sched_priority = 0};
    int policy;
    root = geteuid() == 0;
    base = nice_of(0);
    CHECK_EQ(sem_init(&ready, 0, 0), 0);
    CHECK_EQ(sem_init(&go, 0, 0), 0);
    a = start(lowers_itself, NULL);
    b = start(stays, NULL);
    CHECK_EQ(sem_wait(&ready), 0);
    CHECK_EQ(sem_wait(&ready), 0);
    CHECK_EQ(nice_of(0), base);
    CHECK_EQ(nice_of(tids[0]), base + 5);
    CHECK_EQ(nice_of(tids[1]), base);
    CHECK_EQ(forked_nice(), base);
    OK(pthread_getschedparam(a, &policy, &parameters));
    CHECK_EQ(sched_getscheduler(tids[0]), SCHED_BATCH);
    CHECK_EQ(sched_getscheduler(tids[1]), SCHED_OTHER);
    CHECK_EQ(setpriority(PRIO_PROCESS, (id_t)tids[0], base + 7), 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, (id_t)tids[1], base + 3), 0);
    CHECK_EQ(nice_of(tids[0]), base + 7);
    CHECK_EQ(nice_of(tids[1]), base + 3);
    OK(pthread_setschedparam(b, SCHED_BATCH, &parameters));
    OK(pthread_getschedparam(b, &policy, &parameters));
    CHECK_EQ(policy, SCHED_BATCH);
    parameters.sched_priority = 1000;
    CHECK_EQ(pthread_setschedparam(b, SCHED_RR, &parameters), EINVAL);
    parameters.sched_priority = 20;
    CHECK_EQ(pthread_setschedparam(b, SCHED_RR, &parameters), root ? 0 : EPERM);
    OK(pthread_getschedparam(b, &policy, &parameters));
    CHECK_EQ(policy, root ? SCHED_RR : SCHED_BATCH);
    CHECK_EQ(parameters.sched_priority, root ? 20 : 0);
    CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
    CHECK_EQ(sem_post(&go), 0);
    CHECK_EQ(sem_post(&go), 0);
    join(a);
    join(b);
    // The kernel lets a thread be joined a moment before it is gone.
    while (getpriority(PRIO_PROCESS, (id_t)tids[0]) != -1) let_others_run();
    CHECK_EQ(errno, ESRCH);
    FAILS(sched_getscheduler(tids[0]), ESRCH);
    FAILS(sched_getscheduler(-1), EINVAL);

    pthread_attr_t attributes;
    OK(pthread_attr_init(&attributes));
    OK(pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED));
    OK(pthread_attr_setschedpolicy(&attributes, root ? SCHED_RR : SCHED_OTHER));
    parameters.sched_priority = root ? 10 : 0;
    OK(pthread_attr_setschedparam(&attributes, &parameters));
    OK(pthread_create(&a, &attributes, has_a_class, (void *)(intptr_t)(root ? SCHED_RR : SCHED_OTHER)));
    join(a);
    CHECK_EQ(setpriority(PRIO_PROCESS, (id_t)getpid(), base + 2), 0);
    CHECK_EQ(said_by("nice"), base + 2);
    puts("ok");
    return 0;
}
