// Writes the report of a process as patchall would, with the numbers that a test wants to see judged.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void write_report(int kernel_threads_max) {
    FILE *file = fopen(getenv("PATCHALL_STATS_FILE"), "a");
    fprintf(file,
            "{\"pid\":%d,\"mode\":\"virtual\",\"why\":\"\",\"carriers\":%s,\"kernel_threads_max\":%d,\"threads_made\":1,"
            "\"switches\":1,\"preemptions\":0,\"sites_patched\":1,\"sites_left\":0,\"parks\":{}}\n",
            getpid(), getenv("PATCHALL_CARRIERS"), kernel_threads_max);
    fclose(file);
}
