// stdio in threads: whole lines to one FILE, getline from a pipe that fills slowly; flockfile excludes.
#include "net.h"

enum { THREADS = 10, LINES = 100 };

static FILE *out;
static int channel[2];

static void *prints(void *argument) {
    for (int i = 0; i < LINES; i++) {
        if (i % 10 == 0) {
            flockfile(out);
            fprintf(out, "thread %d ", (int)(intptr_t)argument);
            let_others_run();
            fprintf(out, "line %d\n", i);
            funlockfile(out);
        } else {
            fprintf(out, "thread %d line %d\n", (int)(intptr_t)argument, i);
        }
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    char *line = NULL;
    size_t size = 0;
    int next[THREADS] = {0}, count = 0, thread, number;
    CHECK_EQ(pipe(channel), 0);
    out = fdopen(channel[1], "w");
    FILE *in = fdopen(channel[0], "r");
    CHECK_EQ(setvbuf(out, NULL, _IOLBF, 0), 0);
    for (intptr_t i = 0; i < THREADS; i++) threads[i] = start(prints, (void *)i);
    for (; count < THREADS * LINES; count++) {
        CHECK(getline(&line, &size, in) > 0);
        CHECK_EQ(sscanf(line, "thread %d line %d", &thread, &number), 2);
        CHECK_EQ(next[thread], number);
        next[thread]++;
    }
    for (int i = 0; i < THREADS; i++) join(threads[i]);
    free(line);
    printf("%d lines\n", count);
    return 0;
}
