// A thread that is not main executes the program again, while others run: same pid, one thread, and it can make more.
// harness: exit=5
#include "../check.h"

static volatile int stop;

static void *computes(void *unused) {
    while (!stop) {
    }
    return unused;
}

static void *sleeps(void *unused) {
    sleep(1000);
    return unused;
}

static void *executes(void *program) {
    char pid[20];
    snprintf(pid, sizeof pid, "%d", getpid());
    char *words[] = {program, "again", pid, NULL};
    execv("/proc/self/exe", words);
    CHECK(!"execv returned");
    return NULL;
}

static void *returns(void *argument) { return argument; }

int main(int argc, char **argv) {
    if (argc > 1) {
        CHECK_EQ(atoi(argv[2]), getpid());
        CHECK_EQ(gettid(), getpid());
        CHECK(join(start(returns, argv)) == argv);
        puts("executed again");
        return 5;
    }
    start(computes, NULL);
    start(sleeps, NULL);
    puts("first");
    fflush(stdout);
    join(start(executes, argv[0]));
    return 1;
}
