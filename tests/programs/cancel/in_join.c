// A thread in pthread_join is cancelled.
#include "cancel.h"

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_t other;

static void *waits(void *unused) {
    OK(pthread_mutex_lock(&gate));
    OK(pthread_mutex_unlock(&gate));
    return unused;
}

static void prepare(void) {
    OK(pthread_mutex_lock(&gate));
    other = start(waits, NULL);
}
static void block(void) { join(other); }

int main(void) { return cancel_in_call(); }
