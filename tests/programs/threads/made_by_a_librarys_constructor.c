// A shared library makes a thread in its constructor, before those of the program and before main: it runs, keeps its
// __thread variables, and main joins it. The library is compiled and preloaded by the program itself.
#include "../check.h"
#include <dlfcn.h>

static const char library[] =
    "#include <pthread.h>\n"
    "#include <unistd.h>\n"
    "pthread_t early; static __thread int local = 7; static int gate[2];\n"
    "static void *run(void *unused) { char byte; local++; read(gate[0], &byte, 1); return (void *)(long)(local + byte); }\n"
    "__attribute__((constructor)) static void load(void) { pipe(gate); pthread_create(&early, 0, run, 0); usleep(1000); }\n"
    "void let_go(void) { write(gate[1], \"d\", 1); }\n";

static void *returns(void *argument) { return argument; }

static void run_again_with_the_library(char *program) {
    char source[] = "/tmp/library-XXXXXX.c", object[64], text[1024];
    int file = mkstemps(source, 2);
    CHECK_EQ(write(file, library, sizeof library - 1), sizeof library - 1);
    snprintf(object, sizeof object, "%s.so", source);
    snprintf(text, sizeof text, "cc -w -shared -fPIC -o %s %s", object, source);
    CHECK_EQ(system(text), 0);
    CHECK_EQ(unlink(source), 0);
    const char *others = getenv("LD_PRELOAD");
    snprintf(text, sizeof text, "%s%s%s", others ? others : "", others ? ":" : "", object);
    CHECK_EQ(setenv("LD_PRELOAD", text, 1), 0);
    execl("/proc/self/exe", program, object, NULL);
    CHECK(!"execl returned");
}

int main(int argc, char **argv) {
    if (argc == 1) run_again_with_the_library(argv[0]);
    CHECK_EQ(unlink(argv[1]), 0);
    pthread_t *early = dlsym(RTLD_DEFAULT, "early");
    void (*let_go)(void);
    *(void **)&let_go = dlsym(RTLD_DEFAULT, "let_go");
    CHECK(early && let_go);
    CHECK(join(start(returns, early)) == early);
    let_go();
    CHECK_EQ((intptr_t)join(*early), 8 + 'd');
    puts("ok");
    return 0;
}
