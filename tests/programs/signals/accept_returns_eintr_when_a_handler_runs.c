// A SIGTERM for the process, handled without SA_RESTART, ends main's accept with EINTR while threads serve.
#include "../io/net.h"
#include <signal.h>

static volatile sig_atomic_t stopped;
static volatile int served, leave;

static void handler(int signal) { stopped = signal; }

static void *serves(void *fd) {
    echo((int)(intptr_t)fd);
    return NULL;
}

static void *asks_then_signals(void *address) {
    sigset_t all;
    sigfillset(&all);
    OK(pthread_sigmask(SIG_BLOCK, &all, NULL));
    int connection = tcp_connect(address);
    expect_echo(connection, 5, 1);
    while (!leave) {
        CHECK_EQ(kill(getpid(), SIGTERM), 0);
        usleep(2000);
    }
    close(connection);
    return NULL;
}

int main(void) {
    struct sockaddr_in address;
    struct sigaction action = {.sa_handler = handler};
    sigset_t term, old;
    int listener = tcp_listener(&address, 5);
    CHECK_EQ(sigaction(SIGTERM, &action, NULL), 0);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_t client = start(asks_then_signals, &address);
    int connection = accept(listener, NULL, NULL);
    CHECK(connection >= 0);
    // The server's thread shall not be the one that takes the signal.
    OK(pthread_sigmask(SIG_BLOCK, &term, &old));
    pthread_t server = start(serves, (void *)(intptr_t)connection);
    OK(pthread_sigmask(SIG_SETMASK, &old, NULL));
    int result = accept(listener, NULL, NULL);
    CHECK(result == -1 && errno == EINTR);
    CHECK_EQ(stopped, SIGTERM);
    leave = 1;
    join(client);
    join(server);
    puts("terminated in good order");
    return 0;
}
