// connect: refused, to a full backlog (waits until there is room), twice, on a listener that is gone, on a bad name.
#include "net.h"

static struct sockaddr_in address;
static struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0full-backlog"};
static pthread_barrier_t barrier;

static void *is_refused(void *unused) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    FAILS(connect(connection, (struct sockaddr *)&address, sizeof address), ECONNREFUSED);
    close(connection);
    return unused;
}

static void *waits_for_room(void *unused) {
    int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    pthread_barrier_wait(&barrier);
    CHECK_EQ(connect(connection, (struct sockaddr *)&name, sizeof name), 0);
    FAILS(connect(connection, (struct sockaddr *)&name, sizeof name), EISCONN);
    return unused;
}

int main(void) {
    int listener = tcp_listener(&address, 1);
    close(listener);
    pthread_t refused = start(is_refused, NULL);
    join(refused);

    OK(pthread_barrier_init(&barrier, NULL, 2));
    snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "full-backlog-%d", getpid());
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    CHECK_EQ(listen(listener, 0), 0);
    int filler;
    int count = 0;
    for (;; count++) {
        filler = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(filler, (struct sockaddr *)&name, sizeof name) != 0) break;
    }
    CHECK_EQ(errno, EAGAIN);
    pthread_t waiting = start(waits_for_room, NULL);
    pthread_barrier_wait(&barrier);
    let_others_block();
    for (int i = 0; i <= count; i++) CHECK(accept(listener, NULL, NULL) >= 0);
    join(waiting);
    name.sun_path[1] = '?';
    FAILS(connect(filler, (struct sockaddr *)&name, sizeof name), ECONNREFUSED);
    FAILS(connect(filler, (struct sockaddr *)&name, 1), EINVAL);
    puts("ok");
    return 0;
}
