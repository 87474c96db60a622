// harness: switches=any
// A change of ids that does something else when it is made twice is made once for each thread, whoever of several makes it
// (glibc lets every thread make the call): setuid(0) of one whose saved id is 0. Without the right, nothing is changed.
#include "../check.h"

static pthread_barrier_t barrier;

static void ids_are(uid_t real, uid_t effective, uid_t saved) {
    uid_t r, e, s;
    CHECK_EQ(getresuid(&r, &e, &s), 0);
    CHECK_EQ(r, real);
    CHECK_EQ(e, effective);
    CHECK_EQ(s, saved);
}

static void change_and_look(void) {
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(setresuid(65534, 65534, 0), 0);
        ids_are(65534, 65534, 0);
        FAILS(setuid(1), EPERM);
        FAILS(setuid(1), EPERM);
        CHECK_EQ(setuid(0), 0);
        ids_are(65534, 0, 0);
        CHECK_EQ(setuid(0), 0);
        ids_are(0, 0, 0);
    }
}

static void *thread(void *number) {
    for (intptr_t turn = 0; turn < 4; turn++) {
        if ((intptr_t)number == turn) change_and_look();
        pthread_barrier_wait(&barrier);
        ids_are(0, 0, 0);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[4];
    if (getuid() == 0) {
        OK(pthread_barrier_init(&barrier, NULL, 4));
        for (intptr_t i = 0; i < 4; i++) threads[i] = start(thread, (void *)i);
        for (int i = 0; i < 4; i++) join(threads[i]);
    } else {
        join(start((void *(*)(void *))getuid, NULL));
    }
    puts("ok");
    return 0;
}
