// An ignored signal that is blocked is pending all the same; ignoring one that is pending throws it away (sigaction(2),
// kernel/signal.c: sig_ignored, do_sigaction). All threads block everything.
#include "../check.h"
#include <signal.h>
#include <sys/wait.h>

static void *blocks_all(void *unused) {
    for (;;) pause();
    return unused;
}

static void handler(int signal UNUSED) {
}

static int is_pending(int signal) {
    sigset_t pending;
    CHECK_EQ(sigpending(&pending), 0);
    return sigismember(&pending, signal);
}

static void act(int signal, void (*how)(int)) {
    struct sigaction action = {.sa_handler = how};
    CHECK_EQ(sigaction(signal, &action, NULL), 0);
}

static int take(int signal) {
    const struct timespec limit = {.tv_sec = 10};
    sigset_t set;
    siginfo_t info = {0};
    sigemptyset(&set);
    sigaddset(&set, signal);
    CHECK_EQ(sigtimedwait(&set, &info, &limit), signal);
    return info.si_code;
}

// A child that ends at once, having sent `signal`, if there is one.
static void child_sends(int signal) {
    pid_t child = fork();
    if (child == 0) _exit(signal != 0 && kill(getppid(), signal) != 0);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

int main(void) {
    sigset_t all;
    sigfillset(&all);
    OK(pthread_sigmask(SIG_SETMASK, &all, NULL));
    start(blocks_all, NULL);

    // Ignoring throws away what is pending, for the thread and for the process.
    act(SIGUSR1, handler);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK(is_pending(SIGUSR1));
    act(SIGUSR1, SIG_IGN);
    CHECK(!is_pending(SIGUSR1));
    act(SIGUSR1, handler);
    CHECK(!is_pending(SIGUSR1));
    act(SIGURG, handler);
    CHECK_EQ(kill(getpid(), SIGURG), 0);
    CHECK(is_pending(SIGURG));
    act(SIGURG, SIG_DFL);
    CHECK(!is_pending(SIGURG));

    // Ignored and blocked: pending, whoever sends it.
    act(SIGUSR2, SIG_IGN);
    CHECK_EQ(raise(SIGUSR2), 0);
    CHECK(is_pending(SIGUSR2));
    CHECK_EQ(take(SIGUSR2), SI_USER);
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    CHECK(is_pending(SIGUSR2));
    CHECK_EQ(take(SIGUSR2), SI_USER);
    child_sends(SIGUSR2);
    CHECK(is_pending(SIGUSR2));
    CHECK_EQ(take(SIGUSR2), SI_USER);

    // Ignored by default.
    if (is_pending(SIGCHLD)) take(SIGCHLD);
    child_sends(0);
    CHECK(is_pending(SIGCHLD));
    CHECK_EQ(take(SIGCHLD), CLD_EXITED);
    CHECK_EQ(raise(SIGWINCH), 0);
    CHECK(is_pending(SIGWINCH));
    CHECK_EQ(take(SIGWINCH), SI_USER);

    // Blocked while threads exist, not before.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGUSR2);
    OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
    child_sends(SIGUSR2);
    CHECK_EQ(raise(SIGUSR2), 0);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    CHECK(!is_pending(SIGCHLD));
    CHECK(!is_pending(SIGUSR2));
    child_sends(SIGUSR2);
    CHECK_EQ(take(SIGCHLD), CLD_EXITED);
    CHECK_EQ(take(SIGUSR2), SI_USER);

    // With SIGCHLD ignored there is nothing to wait for, and no signal (wait(2), NOTES).
    act(SIGCHLD, SIG_IGN);
    pid_t child = fork();
    if (child == 0) _exit(0);
    FAILS(waitpid(child, NULL, 0), ECHILD);
    CHECK(!is_pending(SIGCHLD));
    puts("ok");
    return 0;
}
