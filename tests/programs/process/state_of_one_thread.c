// What the kernel keeps for one thread and a program sets for one of its own stays with that thread: capabilities, file
// system ids, personality, timer slack, securebits, a name space, a session's keyring; the threads it makes inherit it,
// others and those made by others do not. All the while they wait for each other, read, and get signals.
// harness: kernel-threads=+40
#include "../check.h"
#include <linux/capability.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

enum { ROUNDS = 50 };

struct state {
    unsigned long caps, slack, persona, bits, fsuid;
    char node[65];
};

static struct state look(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    struct state now = {0};
    struct utsname names;
    CHECK_EQ(syscall(SYS_capget, &head, data), 0);
    CHECK_EQ(uname(&names), 0);
    now.caps = data[0].effective;
    now.slack = (unsigned long)prctl(PR_GET_TIMERSLACK);
    now.persona = (unsigned long)personality(0xffffffff);
    now.bits = (unsigned long)prctl(PR_GET_SECUREBITS);
    now.fsuid = (unsigned long)syscall(SYS_setfsuid, -1);
    strcpy(now.node, names.nodename);
    return now;
}

static int same(struct state a, struct state b) {
    return a.caps == b.caps && a.slack == b.slack && a.persona == b.persona && a.bits == b.bits && a.fsuid == b.fsuid &&
           strcmp(a.node, b.node) == 0;
}

static struct state initial;
static sem_t to_bound, to_free;
static int channel[2];
static volatile sig_atomic_t got;

static void on_usr1(int signal) { got += signal == SIGUSR1; }

static void *child_of_a_free_thread(void *unused) {
    CHECK(same(look(), initial));
    return unused;
}

static void *child_of_a_bound_thread(void *expected) {
    CHECK(same(look(), *(struct state *)expected));
    return NULL;
}

static void *waits_until_told(void *unused) {
    CHECK_EQ(sem_wait(&to_free), 0);
    return unused;
}

static void change(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    CHECK_EQ(prctl(PR_SET_TIMERSLACK, 77777), 0);
    CHECK(personality(ADDR_NO_RANDOMIZE) >= 0);
    if (geteuid() == 0) {
        CHECK_EQ(unshare(CLONE_NEWUTS), 0);
        CHECK_EQ(sethostname("elsewhere", 9), 0);
        CHECK_EQ(prctl(PR_SET_SECUREBITS, 4), 0);
        syscall(SYS_setfsuid, 4321);
    }
    CHECK_EQ(syscall(SYS_capget, &head, data), 0);
    data[0].effective &= ~(1u << CAP_NET_RAW | 1u << CAP_SYS_TIME);
    CHECK_EQ(syscall(SYS_capset, &head, data), 0);
}

static void *bound(void *mutex) {
    change();
    struct state mine = look();
    CHECK(!same(mine, initial));
    CHECK_EQ(mine.slack, 77777);
    for (int i = 0; i < ROUNDS; i++) {
        char byte;
        CHECK_EQ(sem_post(&to_free), 0);
        CHECK_EQ(sem_wait(&to_bound), 0);
        CHECK_EQ(read(channel[0], &byte, 1), 1);
        OK(pthread_mutex_lock(mutex));
        let_others_run();
        OK(pthread_mutex_unlock(mutex));
        struct timespec moment = from_ns(100000);
        nanosleep(&moment, NULL);
        CHECK(same(look(), mine));
    }
    join(start(child_of_a_bound_thread, &mine));
    // A child of the thread, and what it waits for in the kernel.
    pid_t pid = fork();
    if (pid == 0) {
        if (!same(look(), mine)) _exit(1);
        pthread_t more = start(child_of_a_bound_thread, &mine);
        join(more);
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK(same(look(), mine));
    // Signals come through, in waits of both kinds.
    CHECK_EQ(sem_post(&to_free), 0);
    FAILS(sem_wait(&to_bound), EINTR);
    CHECK_EQ(got, 1);
    pid = fork();
    if (pid == 0) {
        for (;;) pause();
    }
    CHECK_EQ(sem_post(&to_free), 0);
    FAILS(waitpid(pid, &status, 0), EINTR);
    CHECK_EQ(got, 2);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return NULL;
}

int main(void) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct sigaction action = {.sa_handler = on_usr1};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(pipe(channel), 0);
    CHECK_EQ(sem_init(&to_bound, 0, 0), 0);
    CHECK_EQ(sem_init(&to_free, 0, 0), 0);
    initial = look();
    pthread_t others[4], thread;
    for (int i = 0; i < 4; i++) others[i] = start(child_of_a_free_thread, NULL);
    for (int i = 0; i < 4; i++) join(others[i]);
    thread = start(bound, &mutex);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(sem_wait(&to_free), 0);
        CHECK(same(look(), initial));
        OK(pthread_mutex_lock(&mutex));
        CHECK_EQ(sem_post(&to_bound), 0);
        let_others_run();
        OK(pthread_mutex_unlock(&mutex));
        CHECK_EQ(write(channel[1], "x", 1), 1);
        if (i % 10 == 0) join(start(child_of_a_free_thread, NULL));
    }
    for (int i = 1; i <= 2; i++) {
        CHECK_EQ(sem_wait(&to_free), 0);
        let_others_block();
        OK(pthread_kill(thread, SIGUSR1));
    }
    join(thread);
    CHECK(same(look(), initial));
    // The first thread, too, and the rest goes on.
    pthread_t waiter = start(waits_until_told, NULL);
    change();
    struct state mine = look();
    CHECK(!same(mine, initial));
    join(start(child_of_a_bound_thread, &mine));
    CHECK_EQ(sem_post(&to_free), 0);
    join(waiter);
    CHECK(same(look(), mine));
    printf("slack %lu\n", mine.slack);
    return 0;
}
