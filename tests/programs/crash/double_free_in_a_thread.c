// glibc notices a double free in a thread: its message on standard error, then SIGABRT.
// harness: exit=signal:6
// harness: stderr=contains:free(): double free detected
#include "../check.h"

static void *frees_twice(void *unused UNUSED) {
    void *volatile block = malloc(100);
    void *volatile same = block;
    free(block);
    free(same);
    return NULL;
}

int main(void) {
    join(start(frees_twice, NULL));
    return 0;
}
