// Two threads compute without ever making a call; a third sleeps and must wake up again and again all the same.
#include "../check.h"

static volatile int stop;

static void *hogs(void *unused) {
    while (!stop) {
    }
    return unused;
}

static void *sleeps(void *unused) {
    for (int i = 0; i < 50; i++) usleep(1000);
    stop = 1;
    return unused;
}

int main(void) {
    pthread_t threads[] = {start(hogs, NULL), start(hogs, NULL), start(sleeps, NULL)};
    for (int i = 0; i < 3; i++) join(threads[i]);
    puts("woke up fifty times");
    return 0;
}
