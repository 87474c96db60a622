// A shared futex is known by its memory, not by its address: a wake through one mapping reaches a waiter in another.
#include "futex.h"
#include <sys/mman.h>

static uint32_t *views[2];

static void *waits(void *unused) {
    CHECK_EQ(futex(views[0], FUTEX_WAIT, 0, NULL, NULL, 0), 0);
    return unused;
}

int main(void) {
    int memory = memfd_create("word", 0);
    CHECK_EQ(ftruncate(memory, 4096), 0);
    for (int i = 0; i < 2; i++) {
        views[i] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
        CHECK(views[i] != MAP_FAILED);
    }
    for (int i = 0; i < 5; i++) {
        pthread_t thread = start(waits, NULL);
        UNTIL(1, futex(views[1], FUTEX_WAKE, 1, NULL, NULL, 0));
        join(thread);
    }
    puts("ok");
    return 0;
}
