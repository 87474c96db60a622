// Two processes of one program, alive at the same time: no thread of one has the id of a thread of the other, nor the id of
// the process; the second process is a fork made while threads of the first exist.
#include "../check.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 100 };

static pthread_barrier_t all_there;

static void *tell(void *tid) {
    *(pid_t *)tid = (pid_t)syscall(SYS_gettid);
    pthread_barrier_wait(&all_there);
    return NULL;
}

// Makes THREADS threads that are all alive at once, and takes their ids.
static void collect(pid_t *tids) {
    pthread_t threads[THREADS];
    OK(pthread_barrier_init(&all_there, NULL, THREADS));
    for (int i = 0; i < THREADS; i++) OK(pthread_create(&threads[i], NULL, tell, &tids[i]));
    for (int i = 0; i < THREADS; i++) OK(pthread_join(threads[i], NULL));
    OK(pthread_barrier_destroy(&all_there));
}

static void *wait_for_end(void *pipe) {
    char c;
    (void)!read(*(int *)pipe, &c, 1);
    return NULL;
}

static int by_value(const void *a, const void *b) { return *(const pid_t *)a - *(const pid_t *)b; }

int main(void) {
    pid_t tids[2 * THREADS + 2];
    int from_child[2], end[2];
    pthread_t waiting;
    CHECK(pipe(from_child) == 0 && pipe(end) == 0);
    OK(pthread_create(&waiting, NULL, wait_for_end, &end[0]));
    pid_t child = fork();
    if (child == 0) {
        collect(tids);
        ssize_t size = THREADS * sizeof tids[0];
        CHECK_EQ(write(from_child[1], tids, size), size);
        // It stays alive until the parent has made its threads.
        char c;
        close(end[1]);
        (void)!read(end[0], &c, 1);
        _exit(0);
    }
    collect(tids);
    ssize_t size = THREADS * sizeof tids[0];
    CHECK_EQ(read(from_child[0], tids + THREADS, size), size);
    close(end[1]);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    OK(pthread_join(waiting, NULL));
    tids[2 * THREADS] = getpid();
    tids[2 * THREADS + 1] = child;
    qsort(tids, 2 * THREADS + 2, sizeof tids[0], by_value);
    for (int i = 1; i < 2 * THREADS + 2; i++) CHECK(tids[i] != tids[i - 1]);
    printf("%d different ids\n", 2 * THREADS + 2);
    return 0;
}
