// A thread writes to address 0: the process dies by SIGSEGV.
// harness: exit=signal:11
#include "../check.h"

static void *writes_to_null(void *null) {
    *(volatile int *)null = 1;
    return NULL;
}

int main(void) {
    join(start(writes_to_null, NULL));
    return 0;
}
