// Cleanup handlers run in reverse order, then the destructors of keys; those that were popped do not run again.
#include "../check.h"

static char order[64];
static pthread_key_t key;

static void note(void *name) { strcat(order, name); }

static void *nests(void *gate) {
    OK(pthread_setspecific(key, "K"));
    pthread_cleanup_push(note, "a");
    pthread_cleanup_push(note, "b");
    pthread_cleanup_push(note, "x");
    pthread_cleanup_pop(1);
    pthread_cleanup_push(note, "y");
    pthread_cleanup_pop(0);
    pthread_cleanup_push(note, "c");
    pthread_barrier_wait(gate);
    for (;;) pause();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void) {
    pthread_barrier_t gate;
    OK(pthread_barrier_init(&gate, NULL, 2));
    OK(pthread_key_create(&key, note));
    pthread_t thread = start(nests, &gate);
    pthread_barrier_wait(&gate);
    OK(pthread_cancel(thread));
    CHECK(join(thread) == PTHREAD_CANCELED);
    puts(order);
    return 0;
}
