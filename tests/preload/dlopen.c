/* Threads that wait and wake by a library with a system call of its own, which dlopen finds by the program's RUNPATH. With one
 * carrier a wait that goes past patchall is the end. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static void (*inline_wait)(int *, int), (*inline_wake)(int *);
static int word;
static atomic_int started;

static void *waiter(void *unused)
{
    started = 1;
    inline_wait(&word, 0);
    return unused;
}

static void *nothing(void *unused)
{
    return unused;
}

int main(void)
{
    const struct timespec moment = {0, 1000000};
    pthread_t t;
    /* Threads are virtual before the library comes. */
    pthread_create(&t, NULL, nothing, NULL);
    pthread_join(t, NULL);
    for (int round = 0; round < 3; round++) {
        void *library = dlopen("libinline.so", RTLD_NOW);
        if (library == NULL) {
            puts(dlerror());
            return 1;
        }
        *(void **)&inline_wait = dlsym(library, "inline_wait");
        *(void **)&inline_wake = dlsym(library, "inline_wake");
        word = 0;
        started = 0;
        pthread_create(&t, NULL, waiter, NULL);
        while (!started)
            nanosleep(&moment, NULL);
        nanosleep(&moment, NULL);
        __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
        inline_wake(&word);
        pthread_join(t, NULL);
        if (dlclose(library) != 0)
            return 2;
    }
    puts("done");
    return 0;
}
