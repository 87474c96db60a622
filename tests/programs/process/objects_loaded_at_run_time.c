// dlopen by threads: constructors that make threads, __thread variables of the object in old and new threads, dlclose.
// harness: libs=-ldl
#include "../check.h"
#include <dlfcn.h>
#include <sys/wait.h>

static pthread_barrier_t barrier;
static int *(*variable)(void);
static int (*waits)(void);

static void *uses_the_object(void *argument) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    int *own = variable();
    CHECK_EQ(*own, 33);
    *own = (int)(intptr_t)argument;
    CHECK_EQ(waits(), 0);
    CHECK(variable() == own);
    CHECK_EQ(*own, (intptr_t)argument);
    return NULL;
}

int main(void) {
    char source[] = "/tmp/object-XXXXXX.c", object[64], command[256];
    int file = mkstemps(source, 2);
    dprintf(file,
            "#include <pthread.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n#include <time.h>\n"
            "static __thread int local = 33; static pthread_t made; static int ran;\n"
            "static void *run(void *x) { ran = 1; return x; }\n"
            "__attribute__((constructor)) static void load(void) { pthread_create(&made, 0, run, 0); }\n"
            "int *variable(void) { return &local; }\n"
            "int joined(void) { pthread_join(made, 0); return ran; }\n"
            // A system call of the object's own, inline.
            "int waits(void) { struct timespec t = {0, 1000000}; long r;\n"
            "  __asm__ volatile(\"syscall\" : \"=a\"(r) : \"a\"(SYS_nanosleep), \"D\"(&t), \"S\"(0) : \"rcx\", \"r11\", \"memory\");\n"
            "  return (int)r; }\n");
    close(file);
    snprintf(object, sizeof object, "%s.so", source);
    snprintf(command, sizeof command, "cc -shared -fPIC -o %s %s", object, source);
    CHECK_EQ(system(command), 0);
    pthread_t threads[6];
    OK(pthread_barrier_init(&barrier, NULL, 7));
    for (intptr_t i = 0; i < 6; i++) threads[i] = start(uses_the_object, (void *)i);
    pthread_barrier_wait(&barrier);
    void *handle = dlopen(object, RTLD_NOW);
    CHECK(handle != NULL);
    *(void **)&variable = dlsym(handle, "variable");
    *(void **)&waits = dlsym(handle, "waits");
    int (*joined)(void);
    *(void **)&joined = dlsym(handle, "joined");
    CHECK_EQ(joined(), 1);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 6; i++) join(threads[i]);
    CHECK_EQ(dlclose(handle), 0);
    unlink(source);
    unlink(object);
    puts("ok");
    return 0;
}
