// A pseudo-terminal: canonical reads wait for the line, raw ones for VMIN; hang-up gives EIO; writes come out.
// harness: libs=-lutil
#include "net.h"
#include <pty.h>
#include <termios.h>

static int master, slave;
static pthread_barrier_t barrier;

static void *types(void *unused) {
    let_others_block();
    CHECK_EQ(write(master, "half a ", 7), 7);
    let_others_block();
    CHECK_EQ(write(master, "line\nmore", 9), 9);
    pthread_barrier_wait(&barrier);
    CHECK_EQ(write(master, "abc", 3), 3);
    let_others_block();
    CHECK_EQ(write(master, "de", 2), 2);
    pthread_barrier_wait(&barrier);
    CHECK_EQ(close(slave), 0);
    return unused;
}

int main(void) {
    char buffer[100];
    struct termios mode;
    OK(pthread_barrier_init(&barrier, NULL, 2));
    CHECK_EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
    CHECK_EQ(tcgetattr(slave, &mode), 0);
    mode.c_lflag &= ~(tcflag_t)ECHO;
    mode.c_oflag &= ~(tcflag_t)OPOST;
    CHECK_EQ(tcsetattr(slave, TCSANOW, &mode), 0);
    pthread_t typist = start(types, NULL);
    CHECK_EQ(read(slave, buffer, sizeof buffer), 12);
    CHECK_EQ(memcmp(buffer, "half a line\n", 12), 0);
    mode.c_lflag &= ~(tcflag_t)ICANON;
    mode.c_cc[VMIN] = 5;
    mode.c_cc[VTIME] = 0;
    CHECK_EQ(tcsetattr(slave, TCSAFLUSH, &mode), 0);
    pthread_barrier_wait(&barrier);
    CHECK_EQ(read(slave, buffer, sizeof buffer), 5);
    CHECK_EQ(memcmp(buffer, "abcde", 5), 0);
    CHECK_EQ(write(slave, "out", 3), 3);
    CHECK_EQ(read(master, buffer, sizeof buffer), 3);
    pthread_barrier_wait(&barrier);
    FAILS(read(master, buffer, sizeof buffer), EIO);
    join(typist);
    puts("ok");
    return 0;
}
