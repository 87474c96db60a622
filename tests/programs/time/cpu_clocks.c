// CLOCK_THREAD_CPUTIME_ID and pthread_getcpuclockid count what a thread computes, and not what it sleeps, waits for in the
// kernel or others do; getrusage says the same; the clocks of all threads together are no more than the process's.
// harness: kernel-threads=+3
#include "../check.h"
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static volatile int stop;
static sem_t ping, pong;

static void compute(int64_t ns) {
    int64_t began = now_ns(CLOCK_THREAD_CPUTIME_ID), last = began;
    while (last - began < ns) {
        int64_t now = now_ns(CLOCK_THREAD_CPUTIME_ID);
        CHECK(now >= last);
        last = now;
    }
}

static int64_t used(void) {
    struct rusage usage;
    CHECK_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000LL +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL;
}

static void *computes(void *unused UNUSED) {
    compute(30000000);
    int64_t mine = now_ns(CLOCK_THREAD_CPUTIME_ID);
    CHECK(mine >= 30000000);
    // The kernel counts users' time in ticks where it cannot do better.
    CHECK(used() >= mine - 15000000 && used() < mine + 100000000);
    return (void *)(intptr_t)mine;
}

static void *burns(void *unused) {
    while (!stop) {
    }
    return unused;
}

static void *sleeps(void *unused) {
    int64_t began = now_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < 20; i++) usleep(5000);
    // In the kernel, past the engine: a file lock would park, a child that is waited for by vfork does not.
    for (int i = 0; i < 5; i++) {
        pid_t pid = vfork();
        if (pid == 0) {
            struct timespec time = {.tv_nsec = 10000000};
            syscall(SYS_nanosleep, &time, NULL);
            _exit(0);
        }
        CHECK(pid > 0);
    }
    // 150 ms and more went by.
    CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) - began < 50000000);
    CHECK(used() < 60000000);
    return unused;
}

static void *answers(void *unused) {
    for (int i = 0; i < 20000; i++) {
        CHECK_EQ(sem_wait(&ping), 0);
        CHECK_EQ(sem_post(&pong), 0);
    }
    return unused;
}

static void *asks(void *unused UNUSED) {
    for (int i = 0; i < 20000; i++) {
        CHECK_EQ(sem_post(&ping), 0);
        CHECK_EQ(sem_wait(&pong), 0);
    }
    return (void *)(intptr_t)now_ns(CLOCK_THREAD_CPUTIME_ID);
}

int main(void) {
    clockid_t clock, own;
    struct timespec time;
    CHECK_EQ(sem_init(&ping, 0, 0), 0);
    CHECK_EQ(sem_init(&pong, 0, 0), 0);
    int64_t before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    pthread_t burner = start(burns, NULL), sleeper = start(sleeps, NULL), computer = start(computes, NULL);
    OK(pthread_getcpuclockid(burner, &clock));
    OK(pthread_getcpuclockid(pthread_self(), &own));
    int64_t first = now_ns(clock), last = first;
    while (last - first < 20000000) {
        int64_t now = now_ns(clock);
        CHECK(now >= last);
        last = now;
        usleep(1000);
    }
    // Sleeping by the clock of another thread.
    time = from_ns(20000000);
    last = now_ns(clock);
    OK(clock_nanosleep(clock, 0, &time, NULL));
    CHECK(now_ns(clock) - last >= 20000000);
    CHECK_EQ(clock_nanosleep(own, 0, &time, NULL), EINVAL);
    CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL), EINVAL);
    CHECK_EQ(clock_getres(clock, &time), 0);
    CHECK_EQ(time.tv_nsec, 1);
    FAILS(clock_settime(clock, &time), EPERM);
    int64_t main_by_id = now_ns(own), main_by_name = now_ns(CLOCK_THREAD_CPUTIME_ID);
    CHECK(main_by_name >= main_by_id && main_by_name - main_by_id < 20000000);
    int64_t sum = (intptr_t)join(computer);
    join(sleeper);
    stop = 1;
    join(burner);
    int64_t process = now_ns(CLOCK_PROCESS_CPUTIME_ID) - before;
    CHECK(process >= 50000000 && sum <= process);
    // A clock of a thread that is gone. The kernel lets a thread be joined a moment before.
    while (clock_gettime(clock, &time) == 0) let_others_run();
    CHECK_EQ(errno, EINVAL);

    // Very short stretches are counted.
    before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    pthread_t answerer = start(answers, NULL), asker = start(asks, NULL);
    sum = (intptr_t)join(asker);
    join(answerer);
    process = now_ns(CLOCK_PROCESS_CPUTIME_ID) - before;
    CHECK(sum > process / 20 && sum <= process);
    puts("ok");
    return 0;
}
