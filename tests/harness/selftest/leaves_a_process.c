// Leaves a process behind that holds no descriptor of the program and is in a session of its own.
#include <fcntl.h>
#include <unistd.h>

#include "report.h"

__attribute__((destructor)) static void at_exit(void) {
    write_report(1);
    if (fork() == 0) {
        setsid();
        for (int fd = 0; fd < 3; fd++) close(fd);
        sleep(30);
        _exit(0);
    }
}
