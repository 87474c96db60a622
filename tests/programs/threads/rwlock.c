// Read-write locks: readers together, writers alone, try and timed forms, both preferences.
#include "../check.h"

enum { READERS = 8, WRITERS = 4, ROUNDS = 300 };

static pthread_rwlock_t lock;
static long first, second;
static int readers, most_readers;
static pthread_barrier_t together;

static void *reads(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_rwlock_rdlock(&lock));
        long seen = first;
        if (i % 50 == 0) let_others_run();
        CHECK_EQ(seen, second);
        OK(pthread_rwlock_unlock(&lock));
    }
    return unused;
}

static void *writes(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_rwlock_wrlock(&lock));
        first++;
        if (i % 50 == 0) let_others_run();
        second++;
        OK(pthread_rwlock_unlock(&lock));
    }
    return unused;
}

static void *reads_with_others(void *unused) {
    OK(pthread_rwlock_rdlock(&lock));
    __atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST);
    pthread_barrier_wait(&together);
    __atomic_store_n(&most_readers, readers, __ATOMIC_SEQ_CST);
    pthread_barrier_wait(&together);
    OK(pthread_rwlock_unlock(&lock));
    return unused;
}

static void *cannot_write(void *unused) {
    struct timespec soon = from_ns(now_ns(CLOCK_REALTIME) + 20000000);
    CHECK_EQ(pthread_rwlock_trywrlock(&lock), EBUSY);
    CHECK_EQ(pthread_rwlock_timedwrlock(&lock, &soon), ETIMEDOUT);
    soon = from_ns(now_ns(CLOCK_MONOTONIC) + 20000000);
    CHECK_EQ(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
    OK(pthread_rwlock_tryrdlock(&lock));
    OK(pthread_rwlock_unlock(&lock));
    return unused;
}

int main(void) {
    int kinds[] = {PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP};
    for (int kind = 0; kind < 2; kind++) {
        pthread_t threads[READERS + WRITERS];
        pthread_rwlockattr_t attributes;
        OK(pthread_rwlockattr_init(&attributes));
        OK(pthread_rwlockattr_setkind_np(&attributes, kinds[kind]));
        OK(pthread_rwlock_init(&lock, &attributes));
        first = second = 0;
        for (int i = 0; i < READERS + WRITERS; i++) threads[i] = start(i < READERS ? reads : writes, NULL);
        for (int i = 0; i < READERS + WRITERS; i++) join(threads[i]);
        CHECK_EQ(first, WRITERS * ROUNDS);
        readers = 0;
        OK(pthread_barrier_init(&together, NULL, READERS));
        for (int i = 0; i < READERS; i++) threads[i] = start(reads_with_others, NULL);
        for (int i = 0; i < READERS; i++) join(threads[i]);
        CHECK_EQ(most_readers, READERS);
        OK(pthread_rwlock_rdlock(&lock));
        join(start(cannot_write, NULL));
        OK(pthread_rwlock_unlock(&lock));
        OK(pthread_rwlock_destroy(&lock));
    }
    puts("ok");
    return 0;
}
