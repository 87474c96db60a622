// All PTHREAD_KEYS_MAX keys hold a value of their own in each thread (past the first 32, glibc allocates per thread).
#include "../check.h"

static pthread_key_t keys[PTHREAD_KEYS_MAX];
static int count;

static void *uses_all(void *argument) {
    char *base = argument;
    for (int i = 0; i < count; i++) OK(pthread_setspecific(keys[i], base + i));
    for (int i = 0; i < count; i++) {
        if (i % 64 == 0) let_others_run();
        CHECK(pthread_getspecific(keys[i]) == base + i);
    }
    return NULL;
}

int main(void) {
    static char memory[8][PTHREAD_KEYS_MAX];
    pthread_t threads[8];
    while (count < PTHREAD_KEYS_MAX && pthread_key_create(&keys[count], NULL) == 0) count++;
    // Libraries may hold a few.
    CHECK(count > PTHREAD_KEYS_MAX - 16);
    for (int i = 0; i < 8; i++) threads[i] = start(uses_all, memory[i]);
    for (int i = 0; i < 8; i++) join(threads[i]);
    for (int i = 0; i < count; i++) OK(pthread_key_delete(keys[i]));
    puts("ok");
    return 0;
}
