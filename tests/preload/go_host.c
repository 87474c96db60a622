/* Loads a library that is written in Go, when there are threads already, and calls it from several. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static int (*work)(int);

static void *idle(void *unused) {
    pause();
    return unused;
}

static void *works(void *unused) {
    (void)unused;
    return (void *)(long)work(50);
}

int main(int count, char **arguments) {
    pthread_t sleeper, threads[8];
    void *sum, *library;
    if (count != 2 || pthread_create(&sleeper, NULL, idle, NULL) != 0) return 1;
    library = dlopen(arguments[1], RTLD_NOW);
    if (library == NULL) return 2;
    work = (int (*)(int))dlsym(library, "Work");
    printf("%d\n", work(100));
    for (int i = 0; i < 8; i++)
        if (pthread_create(&threads[i], NULL, works, NULL) != 0) return 3;
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], &sum);
        printf("%ld\n", (long)sum);
    }
    return 0;
}
