// Has eight kernel threads beside main for long enough to be seen.
#include <pthread.h>
#include <unistd.h>

static void *sleeps(void *unused) {
    usleep(300000);
    return unused;
}

int main(void) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, sleeps, NULL);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    return 0;
}
