// Ends the program with another status, after the right output.
#include "report.h"

__attribute__((destructor)) static void at_exit(void) {
    write_report(1);
    fflush(stdout);
    _exit(3);
}
