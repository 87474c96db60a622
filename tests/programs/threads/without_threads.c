// A program that never makes a thread stays as it is.
// harness: threads=0
#include "../check.h"

int main(void) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    OK(pthread_mutex_lock(&mutex));
    OK(pthread_mutex_unlock(&mutex));
    usleep(1000);
    puts("no thread was made");
    return 0;
}
