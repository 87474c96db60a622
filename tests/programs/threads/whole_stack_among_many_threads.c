// Many threads with default attributes exist at once; the first, the middle and the last one use the whole stack that they
// were promised, down to 7.5 MiB, and are told of it what is so natively.
// The argument is the number of threads; with 100000, which Linux does not have natively, tests/many_threads.sh runs it.
// harness: args=2000
// harness: limit=60
#include "../check.h"
#include <semaphore.h>

enum { FRAME = 4096, DEPTH = 7 * 1024 * 1024 + 512 * 1024, PLACES = 3 };

static long count;
static long chosen[PLACES];
static sem_t turn[PLACES], done, end;

static long recurse(size_t left, long seed) {
    volatile char frame[FRAME];
    for (size_t i = 0; i < FRAME; i += 512) frame[i] = (char)(seed + (long)i);
    if (left == DEPTH / 2) let_others_run();
    long below = left > FRAME ? recurse(left - FRAME - 64, seed + 1) : 0;
    for (size_t i = 0; i < FRAME; i += 512) CHECK_EQ(frame[i], (char)(seed + (long)i));
    return below + 1;
}

static void describe_stack(void) {
    pthread_attr_t attributes;
    void *address;
    size_t size, guard;
    char here;
    OK(pthread_getattr_np(pthread_self(), &attributes));
    OK(pthread_attr_getstack(&attributes, &address, &size));
    OK(pthread_attr_getguardsize(&attributes, &guard));
    OK(pthread_attr_destroy(&attributes));
    CHECK((uintptr_t)&here > (uintptr_t)address && (uintptr_t)&here < (uintptr_t)address + size);
    printf("stack %zu KiB, guard %zu\n", size / 1024, guard);
}

static void wait_for(sem_t *semaphore) { CHECK_EQ(sem_wait(semaphore), 0); }

static void *thread(void *argument) {
    for (int place = 0; place < PLACES; place++) {
        if (chosen[place] != (intptr_t)argument) continue;
        wait_for(&turn[place]);
        CHECK(recurse(DEPTH, place) > DEPTH / (FRAME + 256));
        describe_stack();
        sem_post(&done);
    }
    wait_for(&end);
    return argument;
}

int main(int argc, char **argv) {
    count = argc > 1 ? atol(argv[1]) : 2000;
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    CHECK(threads != NULL && count >= PLACES);
    chosen[1] = count / 2;
    chosen[2] = count - 1;
    sem_init(&done, 0, 0);
    sem_init(&end, 0, 0);
    for (int place = 0; place < PLACES; place++) sem_init(&turn[place], 0, 0);
    for (intptr_t i = 0; i < count; i++) threads[i] = start(thread, (void *)i);
    for (int place = 0; place < PLACES; place++) {
        sem_post(&turn[place]);
        wait_for(&done);
    }
    for (intptr_t i = 0; i < count; i++) sem_post(&end);
    for (intptr_t i = 0; i < count; i++) CHECK_EQ((intptr_t)join(threads[i]), i);
    puts("all joined");
    return 0;
}
