// With SA_RESTART a handler runs in the middle of read, recv, sem_wait and join and the call goes on; poll,
// select, epoll_wait, nanosleep and pause end with EINTR all the same (signal(7)).
#include "../io/net.h"
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

static volatile sig_atomic_t handled;
static volatile int done;
static int channel[2], pair[2];
static sem_t semaphore;
static pthread_t caller;

static void handler(int signal UNUSED) { handled++; }

// Signals the caller until its handler has run a few times, then lets the call complete.
static void *interrupts(void *argument) {
    int before = handled;
    while (handled < before + 3) {
        OK(pthread_kill(caller, SIGUSR1));
        usleep(1000);
    }
    switch ((intptr_t)argument) {
    case 0: CHECK_EQ(write(channel[1], "x", 1), 1); break;
    case 1: CHECK_EQ(write(pair[1], "x", 1), 1); break;
    case 2: CHECK_EQ(sem_post(&semaphore), 0); break;
    }
    return NULL;
}

static void *signals_until_done(void *unused) {
    while (!done) {
        OK(pthread_kill(caller, SIGUSR1));
        usleep(1000);
    }
    return unused;
}

static int interrupted(int kind) {
    fd_set set;
    struct pollfd one = {.fd = channel[0], .events = POLLIN};
    struct epoll_event event;
    struct timespec time = {.tv_sec = 1000};
    FD_ZERO(&set);
    FD_SET(channel[0], &set);
    switch (kind) {
    case 0: return poll(&one, 1, -1);
    case 1: return select(channel[0] + 1, &set, NULL, NULL, NULL);
    case 2: {
        int epoll = epoll_create1(0), result = epoll_wait(epoll, &event, 1, -1), error = errno;
        close(epoll);
        errno = error;
        return result;
    }
    case 3: return nanosleep(&time, NULL);
    default: return pause();
    }
}

int main(void) {
    char byte;
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    caller = pthread_self();
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(pipe(channel), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(sem_init(&semaphore, 0, 0), 0);
    pthread_t thread = start(interrupts, (void *)0);
    CHECK_EQ(read(channel[0], &byte, 1), 1);
    join(thread);
    thread = start(interrupts, (void *)1);
    CHECK_EQ(recv(pair[0], &byte, 1, 0), 1);
    join(thread);
    thread = start(interrupts, (void *)2);
    CHECK_EQ(sem_wait(&semaphore), 0);
    join(thread);
    thread = start(interrupts, (void *)3);
    join(thread);
    for (int kind = 0; kind < 5; kind++) {
        done = 0;
        thread = start(signals_until_done, NULL);
        FAILS(interrupted(kind), EINTR);
        done = 1;
        join(thread);
    }
    puts("ok");
    return 0;
}
