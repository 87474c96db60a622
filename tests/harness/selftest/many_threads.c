// Reports more kernel threads than carriers and one.
#include "report.h"

__attribute__((destructor)) static void at_exit(void) { write_report(9); }
