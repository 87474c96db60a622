// Cancels a thread that is in a blocking call: the call ends, the cleanup handler runs, join yields PTHREAD_CANCELED.
//
// A program defines `prepare`, `block` (the call, a cancellation point that would never return) and calls
// `cancel_in_call()`. The thread is cancelled when it is most likely in the call; before it, the outcome is the same.
#pragma once
#include "../check.h"

static void prepare(void);
static void block(void);

static pthread_barrier_t about_to_block;
static int cleaned, destroyed;

static void cleanup(void *argument) {
    CHECK(argument == &cleaned);
    cleaned++;
}

static void destroy(void *value UNUSED) { destroyed++; }

static void *victim(void *key) {
    OK(pthread_setspecific(*(pthread_key_t *)key, &cleaned));
    pthread_cleanup_push(cleanup, &cleaned);
    pthread_barrier_wait(&about_to_block);
    block();
    pthread_cleanup_pop(0);
    CHECK(!"the call returned");
    return NULL;
}

static int cancel_in_call(void) {
    pthread_key_t key;
    OK(pthread_key_create(&key, destroy));
    OK(pthread_barrier_init(&about_to_block, NULL, 2));
    prepare();
    for (int i = 1; i <= 5; i++) {
        pthread_t thread = start(victim, &key);
        pthread_barrier_wait(&about_to_block);
        let_others_block();
        OK(pthread_cancel(thread));
        CHECK(join(thread) == PTHREAD_CANCELED);
        CHECK_EQ(cleaned, i);
        CHECK_EQ(destroyed, i);
    }
    puts("cancelled");
    return 0;
}
