// Echo server, a thread per connection, blocking reads and writes. Run natively and under the library. Ends when it is killed.
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "listener.h"

static void *serve(void *arg) {
    int fd = (int)(intptr_t)arg;
    char buffer[4096];
    ssize_t got;
    while ((got = read(fd, buffer, sizeof buffer)) > 0) {
        for (ssize_t sent = 0; sent < got;) {
            ssize_t n = write(fd, buffer + sent, (size_t)(got - sent));
            if (n < 0) goto out;
            sent += n;
        }
    }
out:
    close(fd);
    return NULL;
}

int main(void) {
    int listener = listen_somewhere();
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        MUST(fd >= 0);
        no_delay(fd);
        pthread_t thread;
        MUST((errno = pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd)) == 0);
        pthread_detach(thread);
    }
}
