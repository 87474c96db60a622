// A thread in pause is cancelled.
#include "cancel.h"

static void prepare(void) {}
static void block(void) { pause(); }

int main(void) { return cancel_in_call(); }
