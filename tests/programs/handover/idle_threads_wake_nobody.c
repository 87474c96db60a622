// When all threads wait, no kernel thread of the process wakes up: the counts of context switches stay as they are.
#include "../check.h"
#include <dirent.h>
#include <semaphore.h>

enum { THREADS = 20 };

static sem_t semaphore;
static int done[2], never[2];

static void *waits_for_a_semaphore(void *unused) {
    sem_wait(&semaphore);
    return unused;
}

static void *waits_for_a_pipe(void *unused) {
    char byte;
    CHECK_EQ(read(never[0], &byte, 1), 0);
    return unused;
}

static void *waits_for_long(void *unused) {
    sleep(1000);
    return unused;
}

// All context switches of a process so far.
static long switches(pid_t process) {
    char path[300], line[200];
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *tasks = opendir(path);
    CHECK(tasks != NULL);
    long sum = 0;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        if (task->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)process, task->d_name);
        FILE *status = fopen(path, "r");
        if (status == NULL) continue;
        while (fgets(line, sizeof line, status)) {
            char *colon = strstr(line, "ctxt_switches:");
            if (colon) sum += atol(colon + sizeof "ctxt_switches:");
        }
        fclose(status);
    }
    closedir(tasks);
    return sum;
}

static void watch(pid_t process) {
    // Idle kernel threads may end first.
    for (int i = 0; i < 30; i++) {
        long before = switches(process);
        usleep(500000);
        if (switches(process) == before) {
            CHECK_EQ(write(done[1], "y", 1), 1);
            _exit(0);
        }
    }
    CHECK_EQ(write(done[1], "n", 1), 1);
    _exit(0);
}

int main(void) {
    CHECK_EQ(pipe(done), 0);
    CHECK_EQ(pipe(never), 0);
    CHECK_EQ(sem_init(&semaphore, 0, 0), 0);
    pid_t self = getpid();
    if (fork() == 0) watch(self);
    for (int i = 0; i < THREADS; i++) {
        start(waits_for_a_semaphore, NULL);
        start(waits_for_a_pipe, NULL);
        start(waits_for_long, NULL);
    }
    char answer;
    CHECK_EQ(read(done[0], &answer, 1), 1);
    CHECK_EQ(answer, 'y');
    puts("asleep");
    return 0;
}
