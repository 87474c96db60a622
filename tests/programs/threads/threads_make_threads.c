// Each thread makes two more, nine generations deep, and joins them: a tree of 1,023.
#include "../check.h"

static void *grows(void *argument) {
    intptr_t depth = (intptr_t)argument;
    if (depth == 0) return (void *)1;
    pthread_t left = start(grows, (void *)(depth - 1)), right = start(grows, (void *)(depth - 1));
    return (void *)((intptr_t)join(left) + (intptr_t)join(right) + 1);
}

int main(void) {
    printf("%d threads\n", (int)(intptr_t)join(start(grows, (void *)9)));
    return 0;
}
