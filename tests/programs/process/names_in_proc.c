// /proc/thread-self/comm and /proc/self/task/TID/comm show and set the name of a thread, whichever it is and wherever it runs.
#include "../check.h"
#include <fcntl.h>
#include <sys/prctl.h>

static void is_named(const char *path, const char *expected) {
    char text[32] = "";
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    CHECK(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    text[strcspn(text, "\n")] = 0;
    if (strcmp(text, expected) != 0) check_failed(__FILE__, __LINE__, "%s is %s, not %s", path, text, expected);
}

static void *looks(void *argument) {
    char name[16], path[64], read_back[16];
    snprintf(name, sizeof name, "looker-%d", (int)(intptr_t)argument);
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)gettid());
    OK(pthread_setname_np(pthread_self(), name));
    for (int i = 0; i < 20; i++) {
        is_named("/proc/thread-self/comm", name);
        is_named(path, name);
        let_others_run();
    }
    int fd = open("/proc/thread-self/comm", O_WRONLY);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "written", 7), 7);
    close(fd);
    CHECK_EQ(prctl(PR_GET_NAME, read_back), 0);
    CHECK_EQ(strcmp(read_back, "written"), 0);
    is_named(path, "written");
    return NULL;
}

int main(void) {
    pthread_t threads[4];
    CHECK_EQ(prctl(PR_SET_NAME, "first"), 0);
    for (intptr_t i = 0; i < 4; i++) threads[i] = start(looks, (void *)i);
    is_named("/proc/thread-self/comm", "first");
    for (int i = 0; i < 4; i++) join(threads[i]);
    is_named("/proc/thread-self/comm", "first");
    puts("ok");
    return 0;
}
