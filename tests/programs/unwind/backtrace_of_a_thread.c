// backtrace() in a thread shows the program's own frames, before and after a switch, and comes to an end.
// harness: cflags=-O0 -rdynamic
#include "../check.h"
#include <execinfo.h>

enum { MOST = 100 };

static int shows(const char *name) {
    void *frames[MOST];
    int count = backtrace(frames, MOST), found = 0;
    CHECK(count > 2 && count < 30);
    char **symbols = backtrace_symbols(frames, count);
    CHECK(symbols);
    for (int i = 0; i < count; i++) found += strstr(symbols[i], name) != NULL;
    free(symbols);
    return found;
}

int recursive_frame(int depth) {
    if (depth > 0) return recursive_frame(depth - 1) + (depth < 0);
    int before = shows("recursive_frame");
    usleep(1000);
    CHECK_EQ(shows("recursive_frame"), before);
    CHECK_EQ(shows("thread_function"), 1);
    return before;
}

void *thread_function(void *depth) { return (void *)(intptr_t)recursive_frame((int)(intptr_t)depth); }

int main(void) {
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; i++) threads[i] = start(thread_function, (void *)(i * 3));
    for (int i = 0; i < 4; i++) printf("%d frames\n", (int)(intptr_t)join(threads[i]));
    return 0;
}
