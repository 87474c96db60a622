// Two threads hand a turn to and fro by one condition: no signal is lost in 20,000 switches.
#include "../check.h"

enum { ROUNDS = 10000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn, moves;

static void *plays(void *argument) {
    int own = (int)(intptr_t)argument;
    OK(pthread_mutex_lock(&lock));
    for (int i = 0; i < ROUNDS; i++) {
        while (turn != own) OK(pthread_cond_wait(&changed, &lock));
        moves++;
        turn = 1 - own;
        OK(pthread_cond_signal(&changed));
    }
    OK(pthread_mutex_unlock(&lock));
    return NULL;
}

int main(void) {
    pthread_t first = start(plays, (void *)0), second = start(plays, (void *)1);
    join(first);
    join(second);
    printf("%d moves\n", moves);
    return 0;
}
