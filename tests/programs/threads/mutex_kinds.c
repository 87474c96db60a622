// Normal, recursive, error-checking and adaptive mutexes: what a second lock, a foreign unlock and a try do.
#include "../check.h"

static pthread_mutex_t mutex;
static int kind;
static long total;

static void *is_foreign(void *unused) {
    CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    if (kind == PTHREAD_MUTEX_ERRORCHECK || kind == PTHREAD_MUTEX_RECURSIVE) CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
    return unused;
}

static void *adds(void *unused) {
    for (int i = 0; i < 200; i++) {
        OK(pthread_mutex_lock(&mutex));
        long seen = total;
        if (i % 20 == 0) let_others_run();
        total = seen + 1;
        OK(pthread_mutex_unlock(&mutex));
    }
    return unused;
}

int main(void) {
    int kinds[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP};
    for (int i = 0; i < 4; i++) {
        pthread_mutexattr_t attributes;
        pthread_t threads[8];
        kind = kinds[i];
        total = 0;
        OK(pthread_mutexattr_init(&attributes));
        OK(pthread_mutexattr_settype(&attributes, kind));
        OK(pthread_mutex_init(&mutex, &attributes));
        OK(pthread_mutex_lock(&mutex));
        if (kind == PTHREAD_MUTEX_RECURSIVE) {
            OK(pthread_mutex_lock(&mutex));
            OK(pthread_mutex_trylock(&mutex));
            OK(pthread_mutex_unlock(&mutex));
            OK(pthread_mutex_unlock(&mutex));
        } else if (kind == PTHREAD_MUTEX_ERRORCHECK) {
            CHECK_EQ(pthread_mutex_lock(&mutex), EDEADLK);
        } else {
            CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
        }
        join(start(is_foreign, NULL));
        OK(pthread_mutex_unlock(&mutex));
        for (int j = 0; j < 8; j++) threads[j] = start(adds, NULL);
        for (int j = 0; j < 8; j++) join(threads[j]);
        CHECK_EQ(total, 1600);
        OK(pthread_mutex_destroy(&mutex));
    }
    puts("ok");
    return 0;
}
