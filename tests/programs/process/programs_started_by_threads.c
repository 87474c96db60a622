// harness: kernel-threads=+12
// vfork and exec, posix_spawn, system and popen from several threads at the same time.
#include "../check.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static void *spawns(void *argument) {
    for (int i = 0; i < 6; i++) {
        int status, code = (int)(intptr_t)argument * 10 + i;
        char command[64];
        snprintf(command, sizeof command, "exit %d", code);
        char *words[] = {"sh", "-c", command, NULL};
        pid_t child;
        switch (i % 4) {
        case 0:
            child = vfork();
            if (child == 0) {
                execv("/bin/sh", words);
                _exit(99);
            }
            CHECK_EQ(waitpid(child, &status, 0), child);
            break;
        case 1:
            OK(posix_spawn(&child, "/bin/sh", NULL, NULL, words, environ));
            CHECK_EQ(waitpid(child, &status, 0), child);
            break;
        case 2: status = system(command); break;
        default: {
            char line[100];
            snprintf(command, sizeof command, "echo from %d; exit %d", code, code);
            FILE *stream = popen(command, "r");
            CHECK(stream != NULL);
            CHECK(fgets(line, sizeof line, stream) != NULL);
            CHECK_EQ(atoi(line + 5), code);
            status = pclose(stream);
        }
        }
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), code);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[6];
    pid_t child;
    char *missing[] = {"/does/not/exist", NULL};
    for (intptr_t i = 0; i < 6; i++) threads[i] = start(spawns, (void *)i);
    CHECK_EQ(posix_spawn(&child, missing[0], NULL, NULL, missing, environ), ENOENT);
    for (int i = 0; i < 6; i++) join(threads[i]);
    puts("ok");
    return 0;
}
