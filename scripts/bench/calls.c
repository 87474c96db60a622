// Calls that never block, in a process that has had a second thread (so that patchall stands in between); prints ns per call.
//
//   calls getppid N      a call that is none of patchall's business
//   calls ready_read N   64 bytes from a stream socket in which they already lie
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "figures.h"

enum { MESSAGE = 64, FILL = 100 };

static void *nothing(void *arg) { return arg; }

static double getppid_loop(long n) {
    double start = nanoseconds();
    for (long i = 0; i < n; i++) getppid();
    return (nanoseconds() - start) / (double)n;
}

// Fills the socket and empties it again, and takes the time of the emptying.
static double ready_read(long n) {
    int pair[2];
    char message[MESSAGE] = {0};
    double reading = 0;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    for (long done = 0; done < n; done += FILL) {
        for (int i = 0; i < FILL; i++) MUST(write(pair[1], message, MESSAGE) == MESSAGE);
        double start = nanoseconds();
        for (int i = 0; i < FILL; i++) MUST(read(pair[0], message, MESSAGE) == MESSAGE);
        reading += nanoseconds() - start;
    }
    return reading / (double)n;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    long n = atol(argv[2]);
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, nothing, NULL) == 0);
    MUST(pthread_join(thread, NULL) == 0);
    if (!strcmp(argv[1], "getppid")) figure("ns", getppid_loop(n));
    else if (!strcmp(argv[1], "ready_read")) figure("ns", ready_read(n));
    else return 2;
}
