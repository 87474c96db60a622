// A filter of system calls that a thread installs holds for it and the threads it makes, not for others; one that is
// installed for all (TSYNC) holds for all, now and later; no_new_privs goes the same ways. Filtered threads still wait for
// others, read, and get signals.
// harness: kernel-threads=+20
#include "../check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

static sem_t to_filtered, to_free;
static int channel[2];
static volatile sig_atomic_t got;

static void on_usr1(int signal UNUSED) { got++; }

// Answers a call with an error, allows all others.
static struct sock_fprog refusing(unsigned number, unsigned error) {
    static struct sock_filter code[4];
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    memcpy(code, lines, sizeof code);
    return (struct sock_fprog){.len = 4, .filter = code};
}

static int named(void) {
    struct utsname names;
    return uname(&names) == 0 ? 0 : errno;
}

static void *finds(void *expected) {
    CHECK_EQ(named(), (int)(intptr_t)expected);
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), expected != NULL);
    return NULL;
}

static void *filtered(void *by_prctl) {
    struct sock_fprog program = refusing(SYS_uname, E2BIG);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    if (by_prctl) CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    else CHECK_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), 0);
    for (int i = 0; i < 20; i++) {
        char byte;
        CHECK_EQ(named(), E2BIG);
        CHECK_EQ(sem_post(&to_free), 0);
        CHECK_EQ(sem_wait(&to_filtered), 0);
        CHECK_EQ(read(channel[0], &byte, 1), 1);
    }
    join(start(finds, (void *)E2BIG));
    CHECK_EQ(sem_post(&to_free), 0);
    FAILS(sem_wait(&to_filtered), EINTR);
    return NULL;
}

static void *waits(void *unused) {
    CHECK_EQ(sem_wait(&to_filtered), 0);
    return unused;
}

static void *tells(void *unused UNUSED) { return (void *)(intptr_t)named(); }

int main(void) {
    struct sigaction action = {.sa_handler = on_usr1};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(sem_init(&to_filtered, 0, 0), 0);
    CHECK_EQ(sem_init(&to_free, 0, 0), 0);
    CHECK_EQ(pipe(channel), 0);
    for (int round = 0; round < 2; round++) {
        pthread_t thread = start(filtered, round ? &to_free : NULL);
        for (int i = 0; i < 20; i++) {
            CHECK_EQ(sem_wait(&to_free), 0);
            CHECK_EQ(named(), 0);
            CHECK_EQ(sem_post(&to_filtered), 0);
            let_others_run();
            CHECK_EQ(write(channel[1], "x", 1), 1);
            if (i % 5 == 0) join(start(finds, NULL));
        }
        CHECK_EQ(sem_wait(&to_free), 0);
        let_others_block();
        OK(pthread_kill(thread, SIGUSR1));
        join(thread);
        CHECK_EQ(got, round + 1);
    }
    // For everybody.
    struct sock_fprog program = refusing(SYS_uname, ENOTTY);
    pthread_t waiting = start(waits, NULL);
    CHECK_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program), geteuid() == 0 ? 0 : -1);
    if (geteuid() == 0) {
        CHECK_EQ(named(), ENOTTY);
        for (int i = 0; i < 4; i++) {
            CHECK_EQ((intptr_t)join(start(tells, NULL)), ENOTTY);
        }
    }
    CHECK_EQ(sem_post(&to_filtered), 0);
    join(waiting);
    puts("ok");
    return 0;
}
