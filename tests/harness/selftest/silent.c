// Changes nothing and reports nothing.
static int unused;

__attribute__((constructor)) static void at_start(void) { unused = 1; }
