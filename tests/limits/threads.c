// threads COUNT [as:BYTES | nofile:N | nofile-fork:N | altstack]: so many threads sleep, read a byte each from a pipe and end; says how
// many there could be. First, or between two rounds, it sets a limit, or it makes its threads in a handler on an alternate stack.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int gate[2], count;

static void *waits(void *unused) {
    struct timespec moment = {0, 1000000};
    char byte;
    nanosleep(&moment, NULL);
    if (read(gate[0], &byte, 1) != 1) perror("read"), _exit(1);
    return unused;
}

// Answers the error of the pthread_create that failed, and how many did not.
static int round_of(int most, int *made) {
    pthread_attr_t small;
    pthread_t *threads = calloc((size_t)most, sizeof *threads);
    int error = threads == NULL ? ENOMEM : 0;
    pthread_attr_init(&small);
    if (most > 1000) pthread_attr_setstacksize(&small, 65536);
    for (*made = 0; error == 0 && *made < most; *made += error == 0)
        error = pthread_create(&threads[*made], &small, waits, NULL);
    for (int i = 0; i < *made; i++)
        if (write(gate[1], "", 1) != 1) perror("write"), _exit(1);
    for (int i = 0; i < *made; i++)
        if (pthread_join(threads[i], NULL) != 0) perror("join"), _exit(1);
    free(threads);
    return error;
}

static void tell(void) {
    int made, error = round_of(count, &made);
    if (error == 0) printf("all\n");
    else printf("%d, then %s\n", made, strerror(error));
    fflush(stdout);
}

static void handler(int signal) {
    (void)signal;
    tell();
}

static void limit(int what, const char *value) {
    struct rlimit to = {strtoul(value, NULL, 10), RLIM_INFINITY};
    getrlimit(what, &to);
    to.rlim_cur = strtoul(value, NULL, 10);
    if (setrlimit(what, &to) != 0) perror("setrlimit"), _exit(1);
}

int main(int words, char **word) {
    const char *option = words > 2 ? word[2] : "";
    int made, status = 0;
    count = words > 1 ? atoi(word[1]) : 8;
    if (pipe(gate) != 0) return perror("pipe"), 1;
    if (strcmp(option, "altstack") == 0) {
        stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
        struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
        sigaltstack(&stack, NULL);
        sigaction(SIGUSR1, &action, NULL);
        return raise(SIGUSR1);
    }
    if (strncmp(option, "as:", 3) == 0) {
        round_of(1, &made);
        limit(RLIMIT_AS, option + 3);
    } else if (strncmp(option, "nofile:", 7) == 0) {
        round_of(1, &made);
        limit(RLIMIT_NOFILE, option + 7);
        while (dup(0) >= 0) {
        }
        int error = errno;
        printf("dup: %s\n", strerror(error));
    } else if (strncmp(option, "nofile-fork:", 12) == 0) {
        round_of(1, &made);
        limit(RLIMIT_NOFILE, option + 12);
        while (dup(0) >= 0) {
        }
        if (fork() == 0) {
            struct timespec moment = {0, 2000000};
            nanosleep(&moment, NULL);
            tell();
            for (int fd = 9; fd < 20; fd++) close(fd);
            tell();
            fflush(stdout);
            _exit(0);
        }
        wait(&status);
        printf("child %d\n", status);
    }
    tell();
    return status != 0;
}
