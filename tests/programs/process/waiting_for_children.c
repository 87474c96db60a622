// harness: kernel-threads=+18
// waitpid, wait4 and waitid in several threads: for one child, for any, for a group, without waiting, ECHILD.
#include "../check.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { COUNT = 6 };

static int sum;

static pid_t child_that_exits(int code, int on) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char byte;
        CHECK_EQ(read(on, &byte, 1), 1);
        _exit(code);
    }
    return child;
}

static void *waits_for_its_own(void *argument) {
    int status, gate[2], code = (int)(intptr_t)argument + 1;
    struct rusage usage;
    siginfo_t info;
    CHECK_EQ(pipe(gate), 0);
    pid_t child = child_that_exits(code, gate[0]);
    CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
    memset(&info, 0, sizeof info);
    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG), 0);
    CHECK_EQ(info.si_pid, 0);
    CHECK_EQ(write(gate[1], "x", 1), 1);
    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    CHECK(info.si_pid == child && info.si_code == CLD_EXITED && info.si_status == code);
    CHECK_EQ(wait4(child, &status, 0, &usage), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
    FAILS(waitpid(child, &status, 0), ECHILD);
    close(gate[0]);
    close(gate[1]);
    return NULL;
}

static void *waits_for_any(void *unused) {
    int status;
    CHECK(waitpid(-1, &status, 0) > 0);
    CHECK(WIFEXITED(status));
    __atomic_add_fetch(&sum, WEXITSTATUS(status), __ATOMIC_SEQ_CST);
    return unused;
}

int main(void) {
    pthread_t threads[COUNT];
    int gate[2], status;
    for (intptr_t i = 0; i < COUNT; i++) threads[i] = start(waits_for_its_own, (void *)i);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    FAILS(wait(&status), ECHILD);
    CHECK_EQ(pipe(gate), 0);
    for (int i = 0; i < COUNT; i++) child_that_exits(1 << i, gate[0]);
    for (int i = 0; i < COUNT; i++) threads[i] = start(waits_for_any, NULL);
    let_others_block();
    CHECK_EQ(write(gate[1], "xxxxxx", COUNT), COUNT);
    for (int i = 0; i < COUNT; i++) join(threads[i]);
    CHECK_EQ(sum, (1 << COUNT) - 1);
    FAILS(waitpid(-1, &status, 0), ECHILD);
    pid_t killed = child_that_exits(0, gate[0]);
    CHECK_EQ(kill(killed, SIGKILL), 0);
    CHECK_EQ(waitpid(killed, &status, 0), killed);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    puts("ok");
    return 0;
}
