// Blocking reads of eventfd (counter and semaphore), timerfd, signalfd and inotify, and a poll on a pidfd.
#include "net.h"
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

static int event, semaphore;
static char directory[] = "/tmp/special-XXXXXX";

static void *adds(void *unused) {
    uint64_t value = 5;
    let_others_block();
    CHECK_EQ(write(event, &value, sizeof value), sizeof value);
    CHECK_EQ(write(semaphore, &value, sizeof value), sizeof value);
    // The counter is full until main has read it.
    value = UINT64_MAX - 2;
    CHECK_EQ(write(event, &value, sizeof value), sizeof value);
    CHECK_EQ(write(event, &value, sizeof value), sizeof value);
    return unused;
}

static void *makes_a_file(void *unused) {
    char path[100];
    snprintf(path, sizeof path, "%s/file", directory);
    let_others_block();
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    CHECK(file >= 0);
    close(file);
    unlink(path);
    return unused;
}

static void *sends_a_signal(void *unused) {
    let_others_block();
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    return unused;
}

static void *kills(void *child) {
    let_others_block();
    CHECK_EQ(kill((pid_t)(intptr_t)child, SIGKILL), 0);
    return NULL;
}

int main(void) {
    uint64_t value;
    // The child is made while there is one thread; it ends by a signal.
    pid_t child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    event = eventfd(0, 0);
    semaphore = eventfd(0, EFD_SEMAPHORE);
    pthread_t thread = start(adds, NULL);
    CHECK_EQ(read(event, &value, sizeof value), sizeof value);
    CHECK_EQ(value, 5);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(read(semaphore, &value, sizeof value), sizeof value);
        CHECK_EQ(value, 1);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(read(event, &value, sizeof value), sizeof value);
        CHECK(value == UINT64_MAX - 2);
    }
    join(thread);
    puts("eventfd");

    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec times = {.it_value = from_ns(20000000), .it_interval = from_ns(5000000)};
    int64_t began = now_ns(CLOCK_MONOTONIC);
    CHECK_EQ(timerfd_settime(timer, 0, &times, NULL), 0);
    for (uint64_t total = 0; total < 5; total += value) CHECK_EQ(read(timer, &value, sizeof value), sizeof value);
    CHECK(now_ns(CLOCK_MONOTONIC) - began >= 40000000);
    puts("timerfd");

    sigset_t set;
    struct signalfd_siginfo info;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    int signals = signalfd(-1, &set, 0);
    thread = start(sends_a_signal, NULL);
    CHECK_EQ(read(signals, &info, sizeof info), sizeof info);
    CHECK_EQ(info.ssi_signo, SIGUSR1);
    CHECK_EQ(info.ssi_pid, getpid());
    join(thread);
    puts("signalfd");

    CHECK(mkdtemp(directory) != NULL);
    int watch = inotify_init1(0);
    CHECK(inotify_add_watch(watch, directory, IN_CREATE) >= 0);
    union {
        struct inotify_event event;
        char space[4096];
    } change;
    thread = start(makes_a_file, NULL);
    CHECK(read(watch, &change, sizeof change) > 0);
    CHECK_EQ(change.event.mask, IN_CREATE);
    CHECK_EQ(strcmp(change.event.name, "file"), 0);
    join(thread);
    CHECK_EQ(rmdir(directory), 0);
    puts("inotify");

    struct pollfd process = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
    CHECK_EQ(poll(&process, 1, 0), 0);
    thread = start(kills, (void *)(intptr_t)child);
    CHECK_EQ(poll(&process, 1, -1), 1);
    CHECK_EQ(process.revents, POLLIN);
    join(thread);
    siginfo_t ended;
    CHECK_EQ(waitid(P_PIDFD, (id_t)process.fd, &ended, WEXITED), 0);
    CHECK_EQ(ended.si_status, SIGKILL);
    puts("pidfd");
    return 0;
}
