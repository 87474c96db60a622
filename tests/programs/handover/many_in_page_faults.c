// harness: kernel-threads=+50
// Forty threads wait in the kernel at once, each for a page of its own, and nobody gets one before all wait; then they go
// on, each with its page, and once more in the other order. A ticker goes on all the time.
#include "stuck.h"

enum { THREADS = 40, ROUNDS = 2 };

static int asked;

static void *uses(void *page) {
    int number = (int)(intptr_t)page;
    for (int round = 0; round < ROUNDS; round++) {
        __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
        char found = ((volatile char *)pages)[((size_t)round * THREADS + (size_t)number) * PAGE + 99];
        CHECK_EQ(found, 'A' + number % 26);
    }
    return page;
}

int main(int argc, char **argv) {
    // As an argument: how many threads; the longest gap is printed.
    int count = argc > 1 ? atoi(argv[1]) : THREADS;
    pthread_t threads[THREADS];
    make_pages(THREADS * ROUNDS);
    pthread_t ticker = start(ticks, NULL);
    let_others_block();
    for (int i = 0; i < count; i++) threads[i] = start(uses, (void *)(intptr_t)i);
    for (int round = 0; round < ROUNDS; round++) {
        int page[THREADS];
        for (int i = 0; i < count; i++) page[i] = next_fault();
        struct timespec time = from_ns(argc > 1 ? 1500000000 : 50000000);
        nanosleep(&time, NULL);
        for (int i = 0; i < count; i++) {
            int k = round % 2 ? i : count - 1 - i;
            let_go(page[k], (char)('A' + page[k] % THREADS % 26));
        }
    }
    for (int i = 0; i < count; i++) CHECK_EQ((intptr_t)join(threads[i]), i);
    CHECK_EQ(asked, count * ROUNDS);
    stop_ticker(ticker, argc > 1);
    CHECK(longest_gap < 1000000000);
    puts("done");
    return 0;
}
