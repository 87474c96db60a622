// Threads on stacks that the program supplies: they run there, leave the memory beside it alone, and give it back.
#include "../check.h"
#include <sys/mman.h>

enum { COUNT = 16, SIZE = 256 * 1024, MARGIN = 4096 };

static void *runs_on(void *stack) {
    int local;
    pthread_attr_t attributes;
    void *address;
    size_t size;
    CHECK((char *)&local > (char *)stack && (char *)&local < (char *)stack + SIZE);
    OK(pthread_getattr_np(pthread_self(), &attributes));
    OK(pthread_attr_getstack(&attributes, &address, &size));
    OK(pthread_attr_destroy(&attributes));
    CHECK(address == stack);
    CHECK_EQ(size, SIZE);
    let_others_run();
    return stack;
}

int main(void) {
    size_t length = COUNT * (SIZE + MARGIN) + MARGIN;
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, 0x5a, length);
    for (int round = 0; round < 3; round++) {
        pthread_t threads[COUNT];
        for (int i = 0; i < COUNT; i++) {
            pthread_attr_t attributes;
            OK(pthread_attr_init(&attributes));
            OK(pthread_attr_setstack(&attributes, memory + MARGIN + i * (SIZE + MARGIN), SIZE));
            OK(pthread_create(&threads[i], &attributes, runs_on, memory + MARGIN + i * (SIZE + MARGIN)));
            OK(pthread_attr_destroy(&attributes));
        }
        for (int i = 0; i < COUNT; i++) CHECK(join(threads[i]) == memory + MARGIN + i * (SIZE + MARGIN));
        for (int i = 0; i <= COUNT; i++) {
            for (int j = 0; j < MARGIN; j++) CHECK_EQ(memory[i * (SIZE + MARGIN) + j], 0x5a);
        }
    }
    CHECK_EQ(munmap(memory, length), 0);
    puts("ok");
    return 0;
}
