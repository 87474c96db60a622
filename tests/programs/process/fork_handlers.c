// pthread_atfork: prepare in reverse order, parent and child in order; they may lock what other threads use.
#include "../check.h"
#include <sys/wait.h>

static char order[64];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int stop;

static void prepare_a(void) { strcat(order, "A"); }
static void parent_a(void) { strcat(order, "p"); }
static void child_a(void) { strcat(order, "c"); }
static void prepare_b(void) {
    OK(pthread_mutex_lock(&mutex));
    strcat(order, "B");
}
static void after_b(void) {
    strcat(order, "u");
    OK(pthread_mutex_unlock(&mutex));
}

static void *locks(void *unused) {
    while (!stop) {
        OK(pthread_mutex_lock(&mutex));
        let_others_run();
        OK(pthread_mutex_unlock(&mutex));
        usleep(10);
    }
    return unused;
}

int main(void) {
    int status;
    OK(pthread_atfork(prepare_a, parent_a, child_a));
    OK(pthread_atfork(prepare_b, after_b, after_b));
    pthread_t threads[] = {start(locks, NULL), start(locks, NULL)};
    for (int i = 0; i < 10; i++) {
        order[0] = 0;
        pid_t child = fork();
        if (child == 0) {
            CHECK_EQ(strcmp(order, "BAcu"), 0);
            OK(pthread_mutex_lock(&mutex));
            _exit(0);
        }
        CHECK_EQ(strcmp(order, "BApu"), 0);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
    stop = 1;
    for (int i = 0; i < 2; i++) join(threads[i]);
    puts(order);
    return 0;
}
