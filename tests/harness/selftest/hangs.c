// Never comes to main.
#include <unistd.h>

__attribute__((constructor)) static void at_start(void) {
    for (;;) pause();
}
