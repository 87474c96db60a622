// A thread is inside dlopen, in a constructor that waits for main. Main meanwhile uses blocking calls that it has not used before:
// they need nothing of the loader's, whose lock is taken, so a signal handler may use them as well.
// harness: libs=-ldl
#include "../check.h"
#include <dlfcn.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const char library[] =
    "#include <stdlib.h>\n"
    "#include <unistd.h>\n"
    "__attribute__((constructor)) static void load(void) {\n"
    "    char byte = 1; int *ends = *(int **)atol(getenv(\"ENDS\"));\n"
    "    if (write(ends[3], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) abort();\n"
    "}\n";

static int ends[4];
static int *here = ends;

static void *loads(void *object) {
    CHECK(dlopen(object, RTLD_NOW) != NULL);
    return NULL;
}

int main(void) {
    char source[] = "/tmp/object-XXXXXX.c", object[64], text[256], byte = 0;
    int file = mkstemps(source, 2), sockets[2];
    struct pollfd poll_ = {.events = POLLIN};
    struct timespec time = from_ns(1000000);
    CHECK_EQ(write(file, library, sizeof library - 1), sizeof library - 1);
    snprintf(object, sizeof object, "%s.so", source);
    snprintf(text, sizeof text, "cc -w -shared -fPIC -o %s %s", object, source);
    CHECK_EQ(system(text), 0);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(pipe(ends + 2), 0);
    snprintf(text, sizeof text, "%ld", (long)(void *)&here);
    CHECK_EQ(setenv("ENDS", text, 1), 0);

    pthread_t thread = start(loads, object);
    poll_.fd = ends[2];
    CHECK_EQ(poll(&poll_, 1, -1), 1);
    CHECK_EQ(read(ends[2], &byte, 1), 1);
    FAILS(waitpid(-1, NULL, WNOHANG), ECHILD);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    CHECK_EQ(send(sockets[0], "b", 1, 0), 1);
    CHECK_EQ(recv(sockets[1], &byte, 1, 0), 1);
    CHECK_EQ(ppoll(&poll_, 1, &time, NULL), 0);
    CHECK_EQ(usleep(1000), 0);
    CHECK_EQ(write(ends[1], &byte, 1), 1);
    join(thread);
    unlink(source);
    unlink(object);
    puts("ok");
    return 0;
}
