// C11 <threads.h>: thrd_create and join, plain, recursive and timed mutexes, conditions, tss with destructors, call_once.
#include "../check.h"
#include <threads.h>

enum { COUNT = 16 };

static mtx_t lock, nested, timed;
static cnd_t changed;
static tss_t slot;
static once_flag once = ONCE_FLAG_INIT;
static int arrived, opened, destroyed, initialised;

static void initialise(void) { initialised++; }
static void destroy(void *value UNUSED) { __atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED); }

static int body(void *argument) {
    call_once(&once, initialise);
    CHECK_EQ(tss_set(slot, argument), thrd_success);
    CHECK_EQ(mtx_lock(&lock), thrd_success);
    arrived++;
    CHECK_EQ(cnd_broadcast(&changed), thrd_success);
    while (!opened) CHECK_EQ(cnd_wait(&changed, &lock), thrd_success);
    CHECK_EQ(mtx_unlock(&lock), thrd_success);
    CHECK_EQ(mtx_lock(&nested), thrd_success);
    CHECK_EQ(mtx_lock(&nested), thrd_success);
    thrd_yield();
    CHECK_EQ(mtx_unlock(&nested), thrd_success);
    CHECK_EQ(mtx_unlock(&nested), thrd_success);
    CHECK(tss_get(slot) == argument);
    if ((intptr_t)argument % 2) thrd_exit((int)(intptr_t)argument);
    return (int)(intptr_t)argument;
}

static int waits_in_vain(void *unused UNUSED) {
    struct timespec soon;
    timespec_get(&soon, TIME_UTC);
    soon = from_ns(soon.tv_sec * 1000000000LL + soon.tv_nsec + 20000000);
    CHECK_EQ(mtx_timedlock(&timed, &soon), thrd_timedout);
    CHECK_EQ(mtx_trylock(&timed), thrd_busy);
    return 0;
}

int main(void) {
    thrd_t threads[COUNT];
    int result, sum = 0;
    CHECK_EQ(mtx_init(&lock, mtx_plain), thrd_success);
    CHECK_EQ(mtx_init(&nested, mtx_plain | mtx_recursive), thrd_success);
    CHECK_EQ(mtx_init(&timed, mtx_timed), thrd_success);
    CHECK_EQ(cnd_init(&changed), thrd_success);
    CHECK_EQ(tss_create(&slot, destroy), thrd_success);
    for (intptr_t i = 0; i < COUNT; i++) CHECK_EQ(thrd_create(&threads[i], body, (void *)(i + 1)), thrd_success);
    CHECK_EQ(mtx_lock(&lock), thrd_success);
    while (arrived < COUNT) CHECK_EQ(cnd_wait(&changed, &lock), thrd_success);
    opened = 1;
    CHECK_EQ(cnd_broadcast(&changed), thrd_success);
    CHECK_EQ(mtx_unlock(&lock), thrd_success);
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(thrd_join(threads[i], &result), thrd_success);
        sum += result;
    }
    CHECK_EQ(mtx_lock(&timed), thrd_success);
    CHECK_EQ(thrd_create(&threads[0], waits_in_vain, NULL), thrd_success);
    CHECK_EQ(thrd_join(threads[0], NULL), thrd_success);
    struct timespec moment = from_ns(1000000);
    CHECK_EQ(thrd_sleep(&moment, NULL), 0);
    CHECK_EQ(destroyed, COUNT);
    CHECK_EQ(initialised, 1);
    printf("sum %d\n", sum);
    return 0;
}
