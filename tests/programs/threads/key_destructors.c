// Destructors of thread-specific data run at the end of each thread, again for values that destructors set.
#include "../check.h"

enum { COUNT = 20 };

static pthread_key_t simple, stubborn, unset;
static int simple_calls, stubborn_calls;

static void simple_destructor(void *value) {
    CHECK(value != NULL);
    CHECK(pthread_getspecific(simple) == NULL);
    __atomic_add_fetch(&simple_calls, 1, __ATOMIC_RELAXED);
}

static void stubborn_destructor(void *value) {
    __atomic_add_fetch(&stubborn_calls, 1, __ATOMIC_RELAXED);
    OK(pthread_setspecific(stubborn, value));
}

static void never(void *value UNUSED) { CHECK(!"a destructor of a key without a value ran"); }

static void *uses_keys(void *argument) {
    CHECK(pthread_getspecific(simple) == NULL);
    OK(pthread_setspecific(simple, argument));
    OK(pthread_setspecific(stubborn, argument));
    let_others_run();
    CHECK(pthread_getspecific(simple) == argument);
    if ((intptr_t)argument % 2) pthread_exit(argument);
    return argument;
}

int main(void) {
    pthread_t threads[COUNT];
    OK(pthread_key_create(&simple, simple_destructor));
    OK(pthread_key_create(&stubborn, stubborn_destructor));
    OK(pthread_key_create(&unset, never));
    OK(pthread_setspecific(simple, &simple));
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(uses_keys, (void *)(i + 1));
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    CHECK(pthread_getspecific(simple) == &simple);
    CHECK_EQ(simple_calls, COUNT);
    CHECK_EQ(stubborn_calls, COUNT * PTHREAD_DESTRUCTOR_ITERATIONS);
    puts("ok");
    return 0;
}
