// harness: kernel-threads=+4
// The parent of a vfork waits in the kernel until the child has ended: the other threads go on meanwhile.
#include "stuck.h"
#include <sys/wait.h>

static int ticked;

static void *counts(void *unused) {
    struct timespec time = from_ns(1000000);
    while (!__atomic_load_n(&ticker_stops, __ATOMIC_SEQ_CST)) {
        nanosleep(&time, NULL);
        __atomic_add_fetch(&ticked, 1, __ATOMIC_SEQ_CST);
    }
    return unused;
}

int main(int argc, char **argv) {
    (void)argv;
    pthread_t ticker = start(ticks, NULL), counter = start(counts, NULL);
    let_others_block();
    int before = __atomic_load_n(&ticked, __ATOMIC_SEQ_CST);
    pid_t child = vfork();
    CHECK(child >= 0);
    if (child == 0) {
        // The child shares the memory: it goes when the others have gone on for long.
        while (__atomic_load_n(&ticked, __ATOMIC_SEQ_CST) < before + 300) {
            struct timespec time = from_ns(10000000);
            syscall(SYS_nanosleep, &time, NULL);
        }
        _exit(7);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    stop_ticker(ticker, argc > 1);
    join(counter);
    CHECK(longest_gap < 500000000);
    puts("done");
    return 0;
}
