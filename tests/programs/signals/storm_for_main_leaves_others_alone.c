// An interval timer at 1 kHz signals the main thread; a thread that writes more than a pipe holds is never cut short by
// signals that are not its own.
#include "../check.h"
#include <signal.h>
#include <sys/time.h>

enum { SIZE = 200000, ROUNDS = 200 };

static int ends[2], done;
static volatile sig_atomic_t signals;
static pthread_t main_thread;

static void counts(int unused) {
    (void)unused;
    if (!pthread_equal(pthread_self(), main_thread)) _exit(9);
    signals++;
}

static void *reads(void *unused) {
    char buffer[7000];
    while (read(ends[0], buffer, sizeof buffer) > 0) {
    }
    return unused;
}

static void *writes(void *unused) {
    static char block[SIZE];
    for (int i = 0; i < ROUNDS; i++) CHECK_EQ(write(ends[1], block, SIZE), SIZE);
    CHECK_EQ(close(ends[1]), 0);
    __atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
    return unused;
}

int main(void) {
    main_thread = pthread_self();
    CHECK_EQ(pipe(ends), 0);
    struct sigaction action = {.sa_handler = counts, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    struct itimerval often = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
    // The threads have it blocked: the kernel gives a signal of the process's to any thread that has it open when main is busy
    // with one.
    sigset_t alarm;
    CHECK_EQ(sigemptyset(&alarm) | sigaddset(&alarm, SIGALRM), 0);
    OK(pthread_sigmask(SIG_BLOCK, &alarm, NULL));
    pthread_t reader = start(reads, NULL), writer = start(writes, NULL);
    OK(pthread_sigmask(SIG_UNBLOCK, &alarm, NULL));
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST) || signals < 20) usleep(1000);
    CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
    join(writer);
    join(reader);
    puts("ok");
    return 0;
}
