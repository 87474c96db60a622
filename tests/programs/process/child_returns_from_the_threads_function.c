// The child of a fork in a thread goes on in that thread: it can leave by pthread_exit and ends its process with 0, and
// one that is forked again from there ends well too.
#include "../check.h"
#include <sys/wait.h>

static void *forks(void *depth) {
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (depth) {
            join(start(forks, (void *)((intptr_t)depth - 1)));
        }
        pthread_exit(NULL);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    return NULL;
}

int main(void) {
    join(start(forks, (void *)2));
    printf("%s\n", "all ended well");
    return 0;
}
