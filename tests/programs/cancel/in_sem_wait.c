// A thread in sem_wait is cancelled.
#include "cancel.h"
#include <semaphore.h>
static sem_t empty;

static void prepare(void) { CHECK_EQ(sem_init(&empty, 0, 0), 0); }
static void block(void) { CHECK_EQ(sem_wait(&empty), 0); }

int main(void) { return cancel_in_call(); }
