// Contexts on stacks of 2 KiB that the program makes itself (makecontext): they block in every kind of call, make a thread, compute until they are preempted and take signals on the alternate stack. Not a byte below them changes.
// -z now: else it would be the dynamic linker that needs more than 2 KiB, at the first call of each function.
// harness: cflags=-Wl,-z,now
#include "../check.h"
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <ucontext.h>

enum { SIZE = 2048, BELOW = 64 << 10, THREADS = 4, ROUNDS = 20, FILLING = 0xa5 };

// Of one thread.
struct actor {
    ucontext_t back, context;
    unsigned char *memory;
    void (*body)(struct actor *);
    int number, pipe[2], sockets[2], epoll;
    sem_t semaphore;
    char alternate[64 << 10];
};

static _Thread_local struct actor *self;
static _Thread_local volatile int handled;
static pthread_t joined;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn;

static void enter(void) { self->body(self); }

// Runs body on a fresh stack of 2 KiB, with the memory below it filled, until it ends.
static void on_small_stack(struct actor *actor, void (*body)(struct actor *)) {
    memset(actor->memory, FILLING, BELOW + SIZE);
    self = actor;
    actor->body = body;
    CHECK_EQ(getcontext(&actor->context), 0);
    actor->context.uc_stack.ss_sp = actor->memory + BELOW;
    actor->context.uc_stack.ss_size = SIZE;
    actor->context.uc_link = &actor->back;
    makecontext(&actor->context, enter, 0);
    CHECK_EQ(swapcontext(&actor->back, &actor->context), 0);
    for (int i = 0; i < BELOW; i++) {
        if (actor->memory[i] != FILLING) check_failed(__FILE__, __LINE__, "changed %d bytes below", BELOW - i);
    }
}

static void prepare(struct actor *actor, int number) {
    actor->number = number;
    actor->memory = mmap(NULL, BELOW + SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(actor->memory != MAP_FAILED);
    CHECK_EQ(pipe(actor->pipe), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, actor->sockets), 0);
    CHECK((actor->epoll = epoll_create1(0)) >= 0);
    CHECK_EQ(sem_init(&actor->semaphore, 0, 0), 0);
    stack_t stack = {.ss_sp = actor->alternate, .ss_size = sizeof actor->alternate};
    CHECK_EQ(sigaltstack(&stack, NULL), 0);
}

static void *returns(void *argument) { return argument; }

static void makes_a_thread(struct actor *actor) {
    if (pthread_create(&joined, NULL, returns, actor) != 0) _exit(3);
    pthread_join(joined, NULL);
}

static void sleeps(struct actor *unused UNUSED) {
    struct timespec time = {0, 1000000};
    nanosleep(&time, NULL);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    usleep(1000);
    sched_yield();
}

static void transfers(struct actor *actor) {
    char byte = 'x';
    struct pollfd poll_ = {.fd = actor->pipe[0], .events = POLLIN};
    struct timeval time = {0, 1000};
    struct timespec short_time = {0, 1000000};
    struct epoll_event event;
    poll(&poll_, 1, 1);
    ppoll(&poll_, 1, &short_time, NULL);
    select(0, NULL, NULL, NULL, &time);
    epoll_wait(actor->epoll, &event, 1, 1);
    write(actor->pipe[1], &byte, 1);
    read(actor->pipe[0], &byte, 1);
    send(actor->sockets[0], &byte, 1, 0);
    recv(actor->sockets[1], &byte, 1, 0);
    waitpid(-1, NULL, WNOHANG);
}

// A lap of the threads: each waits for its turn.
static void waits_for_its_turn(struct actor *actor) {
    pthread_mutex_lock(&mutex);
    while (turn % THREADS != actor->number) pthread_cond_wait(&condition, &mutex);
    turn++;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    sem_post(&actor->semaphore);
    sem_wait(&actor->semaphore);
}

static void computes(struct actor *unused UNUSED) {
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += 20000000;
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - end.tv_sec) * 1000000000LL + now.tv_nsec - end.tv_nsec < 0);
}

static void handler(int signal UNUSED) { handled++; }

static void takes_a_signal(struct actor *unused UNUSED) {
    struct timespec time = {0, 1000000};
    pthread_kill(pthread_self(), SIGUSR1);
    nanosleep(&time, NULL);
}

static void *run(void *argument) {
    static struct actor actors[THREADS];
    struct actor *actor = &actors[(intptr_t)argument];
    prepare(actor, (int)(intptr_t)argument);
    for (int i = 0; i < ROUNDS; i++) {
        on_small_stack(actor, sleeps);
        on_small_stack(actor, transfers);
        on_small_stack(actor, waits_for_its_turn);
        on_small_stack(actor, takes_a_signal);
        if (i < 3) on_small_stack(actor, computes);
    }
    CHECK_EQ(handled, ROUNDS);
    return NULL;
}

int main(void) {
    static struct actor actor;
    pthread_t threads[THREADS];
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    prepare(&actor, 0);
    // The first use of each, while the process has never had a thread.
    on_small_stack(&actor, sleeps);
    on_small_stack(&actor, transfers);
    // Stacks of threads that ended are used again, and libc has bound what it needs for that, so pthread_create needs little.
    for (int i = 0; i < 3; i++) join(start(returns, NULL));
    on_small_stack(&actor, makes_a_thread);
    for (intptr_t i = 0; i < THREADS; i++) threads[i] = start(run, (void *)i);
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    puts("not a byte");
    return 0;
}
