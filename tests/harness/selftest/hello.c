// Prints a line: what a preloaded library changes about that, the harness must notice.
// harness: limit=1
#include <stdio.h>

int main(void) {
    puts("hello");
    return 0;
}
