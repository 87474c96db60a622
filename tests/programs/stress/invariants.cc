// harness: kernel-threads=+10
// Everything at once: locks, conditions, semaphores, barriers, thread churn, cancellation, malloc, exceptions, pipes,
// sleeps, forks, signals and hogs, each with an invariant that it checks all the time; at the end the sums must fit and
// every kind must have made progress. Arguments: seconds, scale (how many actors of each kind).
// harness: args=2 2
// harness: limit=120
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "../check.h"

static std::atomic<bool> stop{false};

// A kind of actor: its function is called again and again, in each of its threads, until the end.
struct Kind {
    const char *name;
    // One step; the state is the thread's own.
    void (*step)(unsigned &random);
    int threads_per_scale;
    std::atomic<long> steps{0};
};

static unsigned next(unsigned &random) { return random = random * 1664525 + 1013904223, random >> 8; }

static void maybe_yield(unsigned &random) {
    if (next(random) % 16 == 0) let_others_run();
}

// A bounded queue: what goes in comes out, once. A consumer gives up after a while, in case no producer is left.
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static std::deque<unsigned> queue;
static std::atomic<unsigned long> produced{0}, consumed{0};
constexpr size_t QUEUE_LIMIT = 10;

static timespec soon(clockid_t clock, unsigned &random) { return from_ns(now_ns(clock) + next(random) % 2000000); }

static void produce(unsigned &random) {
    unsigned value = next(random);
    OK(pthread_mutex_lock(&queue_lock));
    int error = 0;
    timespec until = soon(CLOCK_REALTIME, random);
    while (queue.size() >= QUEUE_LIMIT && error == 0) error = pthread_cond_timedwait(&not_full, &queue_lock, &until);
    CHECK(error == 0 || error == ETIMEDOUT);
    if (queue.size() < QUEUE_LIMIT) {
        queue.push_back(value);
        produced += value;
        OK(pthread_cond_signal(&not_empty));
    }
    OK(pthread_mutex_unlock(&queue_lock));
}

static void consume(unsigned &random) {
    OK(pthread_mutex_lock(&queue_lock));
    int error = 0;
    timespec until = soon(CLOCK_MONOTONIC, random);
    while (queue.empty() && error == 0) error = pthread_cond_clockwait(&not_empty, &queue_lock, CLOCK_MONOTONIC, &until);
    CHECK(error == 0 || error == ETIMEDOUT);
    if (error == ETIMEDOUT) CHECK(now_ns(CLOCK_MONOTONIC) >= until.tv_sec * 1000000000LL + until.tv_nsec);
    CHECK(queue.size() <= QUEUE_LIMIT);
    if (!queue.empty()) {
        consumed += queue.front();
        queue.pop_front();
        OK(pthread_cond_broadcast(&not_full));
    }
    OK(pthread_mutex_unlock(&queue_lock));
}

// Two numbers under a read-write lock are always equal. Writers go first, or they starve among so many readers.
static pthread_rwlock_t pair_lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static volatile long pair_first, pair_second;

static void read_pair(unsigned &random) {
    OK(pthread_rwlock_rdlock(&pair_lock));
    long seen = pair_first;
    maybe_yield(random);
    CHECK_EQ(seen, pair_second);
    OK(pthread_rwlock_unlock(&pair_lock));
}

static void write_pair(unsigned &random) {
    if (pthread_rwlock_trywrlock(&pair_lock) != 0) OK(pthread_rwlock_wrlock(&pair_lock));
    pair_first = pair_first + 1;
    maybe_yield(random);
    pair_second = pair_second + 1;
    OK(pthread_rwlock_unlock(&pair_lock));
}

// Each special kind of mutex keeps all others out; an owner of the robust one may die.
static pthread_mutex_t mutexes[4];
static pthread_spinlock_t spinlock;
static volatile int inside[5];
static std::atomic<long> deaths{0};

static void enter(int which, unsigned &random) {
    CHECK_EQ(inside[which], 0);
    inside[which] = 1;
    maybe_yield(random);
    inside[which] = 0;
}

static void *dies_with_the_robust_one(void *) {
    int error = pthread_mutex_lock(&mutexes[3]);
    if (error == EOWNERDEAD) OK(pthread_mutex_consistent(&mutexes[3]));
    else OK(error);
    return nullptr;
}

static void lock_mutexes(unsigned &random) {
    unsigned which = next(random) % 5;
    if (which == 4) {
        OK(pthread_spin_lock(&spinlock));
        enter(4, random);
        OK(pthread_spin_unlock(&spinlock));
        return;
    }
    if (which == 3 && next(random) % 8 == 0) join(start(dies_with_the_robust_one, nullptr));
    timespec until = from_ns(now_ns(CLOCK_REALTIME) + 60000000000LL);
    int error = next(random) % 2 ? pthread_mutex_lock(&mutexes[which]) : pthread_mutex_timedlock(&mutexes[which], &until);
    if (error == EOWNERDEAD) {
        deaths++;
        OK(pthread_mutex_consistent(&mutexes[which]));
    } else {
        OK(error);
    }
    if (which == 1) OK(pthread_mutex_lock(&mutexes[which]));
    enter(static_cast<int>(which), random);
    if (which == 1) OK(pthread_mutex_unlock(&mutexes[which]));
    OK(pthread_mutex_unlock(&mutexes[which]));
}

// At most three hold a token of the semaphore.
static sem_t tokens;
static std::atomic<int> holders{0};

static void hold_a_token(unsigned &random) {
    if (next(random) % 4 == 0) {
        timespec until = soon(CLOCK_REALTIME, random);
        while (sem_timedwait(&tokens, &until) != 0) {
            if (errno == ETIMEDOUT) return;
            CHECK_EQ(errno, EINTR);
        }
    } else {
        while (sem_wait(&tokens) != 0) CHECK_EQ(errno, EINTR);
    }
    CHECK(++holders <= 3);
    maybe_yield(random);
    --holders;
    CHECK_EQ(sem_post(&tokens), 0);
}

// Four threads meet at a barrier of their own making.
struct Meeting {
    pthread_barrier_t barrier;
    std::atomic<int> arrived{0};
};

static void *meets(void *argument) {
    auto &meeting = *static_cast<Meeting *>(argument);
    for (int round = 1; round <= 5; round++) {
        meeting.arrived++;
        pthread_barrier_wait(&meeting.barrier);
        CHECK(meeting.arrived >= 4 * round);
        pthread_barrier_wait(&meeting.barrier);
    }
    return nullptr;
}

static void meet(unsigned &) {
    Meeting meeting;
    pthread_t threads[4];
    OK(pthread_barrier_init(&meeting.barrier, nullptr, 4));
    for (auto &thread : threads) thread = start(meets, &meeting);
    for (auto &thread : threads) join(thread);
    OK(pthread_barrier_destroy(&meeting.barrier));
}

// Threads come and go, joined, detached, cancelled or left by pthread_exit; keys and thread_local objects are cleaned up.
static std::atomic<long> locals_made{0}, locals_destroyed{0}, key_values{0}, key_destructors{0}, detached{0};
static pthread_key_t key;

struct Local {
    Local() { locals_made++; }
    ~Local() { locals_destroyed++; }
    int value = 5;
};

static thread_local Local local;

static void destroy_key(void *) { key_destructors++; }

static void *lives_briefly(void *argument) {
    CHECK_EQ(local.value, 5);
    key_values++;
    OK(pthread_setspecific(key, argument));
    switch (reinterpret_cast<intptr_t>(argument) % 4) {
    case 0: pthread_exit(argument);
    case 1: usleep(1000000000); break;
    case 2: detached--;
    }
    return argument;
}

static void churn(unsigned &random) {
    intptr_t how = 4 + next(random) % 4;
    if (how % 4 == 2) detached++;
    pthread_t thread = start(lives_briefly, reinterpret_cast<void *>(how));
    if (how % 4 == 2) {
        OK(pthread_detach(thread));
    } else if (how % 4 == 1) {
        maybe_yield(random);
        OK(pthread_cancel(thread));
        CHECK(join(thread) == PTHREAD_CANCELED);
    } else {
        CHECK(join(thread) == reinterpret_cast<void *>(how));
    }
}

// Memory holds what was written to it until it is freed, perhaps by another thread.
static std::atomic<unsigned char *> exchanged[16];

static void use_memory(unsigned &random) {
    size_t size = 16 + next(random) % (next(random) % 32 == 0 ? 500000 : 2000);
    auto *memory = static_cast<unsigned char *>(malloc(size));
    memcpy(memory, &size, sizeof size);
    memset(memory + sizeof size, static_cast<int>(size), size - sizeof size);
    auto *other = exchanged[next(random) % 16].exchange(memory);
    if (!other) return;
    memcpy(&size, other, sizeof size);
    for (size_t i = sizeof size; i < size; i += 97) CHECK_EQ(other[i], static_cast<unsigned char>(size));
    free(other);
}

__attribute__((noinline)) static int dive(int depth, unsigned &random) {
    std::string ballast(20, static_cast<char>('a' + depth % 26));
    maybe_yield(random);
    if (depth == 0) throw std::runtime_error(ballast);
    return dive(depth - 1, random) + static_cast<int>(ballast.size());
}

static void throw_exceptions(unsigned &random) {
    int depth = static_cast<int>(next(random) % 20);
    try {
        dive(depth, random);
        CHECK(!"nothing was thrown");
    } catch (const std::runtime_error &error) {
        CHECK_EQ(std::string(error.what()).compare(std::string(20, 'a')), 0);
    }
}

// What is written to a pipe comes back, in a thread of its own that copies it over.
static void *copies(void *argument) {
    int *fds = static_cast<int *>(argument);
    char buffer[3000];
    ssize_t count;
    while ((count = read(fds[0], buffer, sizeof buffer)) > 0) CHECK_EQ(write(fds[1], buffer, static_cast<size_t>(count)), count);
    CHECK_EQ(count, 0);
    CHECK_EQ(close(fds[1]), 0);
    return nullptr;
}

static void use_pipes(unsigned &random) {
    int there[2], back[2];
    CHECK_EQ(pipe2(there, O_CLOEXEC), 0);
    CHECK_EQ(pipe2(back, O_CLOEXEC), 0);
    int ends[] = {there[0], back[1]};
    pthread_t copier = start(copies, ends);
    std::string sent(1 + next(random) % 60000, static_cast<char>(next(random))), received;
    CHECK_EQ(write(there[1], sent.data(), sent.size()), static_cast<ssize_t>(sent.size()));
    CHECK_EQ(close(there[1]), 0);
    char buffer[5000];
    for (;;) {
        pollfd one = {back[0], POLLIN, 0};
        int ready = poll(&one, 1, 10000);
        if (ready == -1 && errno == EINTR) continue;
        CHECK_EQ(ready, 1);
        ssize_t count = read(back[0], buffer, sizeof buffer);
        CHECK(count >= 0);
        if (count == 0) break;
        received.append(buffer, static_cast<size_t>(count));
    }
    CHECK_EQ(received.compare(sent), 0);
    join(copier);
    close(there[0]);
    close(back[0]);
}

static void sleep_a_little(unsigned &random) {
    int64_t ns = next(random) % 3000000, began = now_ns(CLOCK_MONOTONIC);
    timespec time = from_ns(ns);
    while (nanosleep(&time, &time) != 0) CHECK_EQ(errno, EINTR);
    CHECK(now_ns(CLOCK_MONOTONIC) - began >= ns);
}

// A child has its caller's state and can make threads; the parent learns how it ended.
static void *returns(void *argument) { return argument; }

static void fork_a_child(unsigned &random) {
    int code = static_cast<int>(next(random) % 100), status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 0; i < 3; i++) CHECK(join(start(returns, &code)) == &code);
        _exit(code);
    }
    pid_t result;
    while ((result = waitpid(child, &status, 0)) == -1 && errno == EINTR) {
    }
    CHECK_EQ(result, child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), code);
    usleep(2000);
}

// Signals to a thread run in it, and none is lost that waits for its answer.
static thread_local std::atomic<long> *own_count;
static std::atomic<long> process_signals{0};

static void on_directed(int) {
    int error = errno;
    if (own_count) ++*own_count;
    errno = error;
}

static void on_process(int) { process_signals++; }

struct Target {
    std::atomic<long> count{0};
    std::atomic<bool> ready{false}, done{false};
};

static void *is_signalled(void *argument) {
    auto &target = *static_cast<Target *>(argument);
    own_count = &target.count;
    target.ready = true;
    unsigned long spins = 0;
    while (!target.done) {
        if (++spins % 4 == 0) usleep(50);
        if (spins % 4 == 1) let_others_run();
    }
    own_count = nullptr;
    return nullptr;
}

static void send_signals(unsigned &random) {
    Target target;
    pthread_t thread = start(is_signalled, &target);
    while (!target.ready) let_others_run();
    for (long i = 1; i <= 5; i++) {
        OK(pthread_kill(thread, SIGUSR1));
        while (target.count < i) maybe_yield(random);
        CHECK_EQ(target.count, i);
    }
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    target.done = true;
    join(thread);
}

static void compute(unsigned &random) {
    unsigned expected = random;
    for (int i = 0; i < 200000; i++) expected = expected * 1664525 + 1013904223;
    for (int i = 0; i < 200000; i++) next(random);
    CHECK_EQ(expected, random);
}

static Kind kinds[] = {
    {"produce", produce, 2},         {"consume", consume, 2},           {"read_pair", read_pair, 3},
    {"write_pair", write_pair, 1},   {"lock_mutexes", lock_mutexes, 3}, {"hold_a_token", hold_a_token, 3},
    {"meet", meet, 1},               {"churn", churn, 2},               {"use_memory", use_memory, 2},
    {"throw", throw_exceptions, 2},  {"use_pipes", use_pipes, 2},       {"sleep", sleep_a_little, 3},
    {"fork", fork_a_child, 1},       {"signals", send_signals, 1},      {"compute", compute, 1},
};

static void *acts(void *argument) {
    auto &kind = *static_cast<Kind *>(argument);
    unsigned random = static_cast<unsigned>(gettid()) * 2654435761U;
    while (!stop) {
        kind.step(random);
        kind.steps++;
    }
    return nullptr;
}

static void initialise() {
    pthread_mutexattr_t attributes;
    int types[] = {PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_NORMAL};
    for (int i = 0; i < 4; i++) {
        OK(pthread_mutexattr_init(&attributes));
        OK(pthread_mutexattr_settype(&attributes, types[i]));
        if (i == 2) OK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
        if (i == 3) OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
        OK(pthread_mutex_init(&mutexes[i], &attributes));
        OK(pthread_mutexattr_destroy(&attributes));
    }
    OK(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE));
    OK(pthread_key_create(&key, destroy_key));
    CHECK_EQ(sem_init(&tokens, 0, 3), 0);
    struct sigaction action = {};
    action.sa_flags = SA_RESTART;
    action.sa_handler = on_directed;
    CHECK_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    action.sa_handler = on_process;
    CHECK_EQ(sigaction(SIGUSR2, &action, nullptr), 0);
}

int main(int argc, char **argv) {
    int seconds = argc > 1 ? atoi(argv[1]) : 2, scale = argc > 2 ? atoi(argv[2]) : 2, value;
    std::vector<pthread_t> threads;
    initialise();
    for (auto &kind : kinds) {
        for (int i = 0; i < kind.threads_per_scale * scale; i++) threads.push_back(start(acts, &kind));
    }
    int64_t end = now_ns(CLOCK_MONOTONIC) + seconds * 1000000000LL;
    // However slow the machine, each kind gets a step.
    for (bool all = false; !all || now_ns(CLOCK_MONOTONIC) < end;) {
        usleep(10000);
        all = true;
        for (auto &kind : kinds) all = all && kind.steps > 0;
    }
    stop = true;
    for (auto thread : threads) join(thread);
    while (detached > 0) let_others_run();
    for (unsigned left : queue) consumed += left;
    CHECK(produced == consumed);
    CHECK_EQ(pair_first, pair_second);
    CHECK_EQ(sem_getvalue(&tokens, &value), 0);
    CHECK_EQ(value, 3);
    // A detached thread's destructors may still be running.
    while (key_values != key_destructors || locals_made != locals_destroyed) let_others_run();
    CHECK(process_signals > 0);
    if (argc > 3) {
        for (auto &kind : kinds) fprintf(stderr, "%s: %ld\n", kind.name, kind.steps.load());
    }
    puts("ok");
}
