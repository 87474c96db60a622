// Detached threads (by attribute and by pthread_detach) run to their end; main waits by a condition.
#include "../check.h"

enum { COUNT = 100 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int done;

static void *counts(void *argument) {
    if (argument) OK(pthread_detach(pthread_self()));
    OK(pthread_mutex_lock(&lock));
    done++;
    OK(pthread_cond_signal(&changed));
    OK(pthread_mutex_unlock(&lock));
    return NULL;
}

int main(void) {
    pthread_attr_t detached;
    OK(pthread_attr_init(&detached));
    OK(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED));
    for (int i = 0; i < COUNT; i++) {
        pthread_t thread;
        OK(pthread_create(&thread, i % 2 ? &detached : NULL, counts, i % 2 ? NULL : &lock));
    }
    OK(pthread_mutex_lock(&lock));
    while (done < COUNT) OK(pthread_cond_wait(&changed, &lock));
    OK(pthread_mutex_unlock(&lock));
    printf("%d done\n", done);
    return 0;
}
