// An illegal instruction in a thread that has been switched a few times: SIGILL.
// harness: exit=signal:4
#include "../check.h"

static void *goes_wrong(void *unused) {
    for (int i = 0; i < 10; i++) let_others_run();
    usleep(1000);
    __asm__ volatile("ud2");
    return unused;
}

int main(void) {
    join(start(goes_wrong, NULL));
    return 0;
}
