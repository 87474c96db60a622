// pthread_getattr_np: address, size, guard and detach state of threads with default and with chosen attributes.
#include "../check.h"

static void *describes_itself(void *name) {
    pthread_attr_t attributes;
    void *address;
    size_t size, guard;
    int detached, local;
    // Kept from the compiler, which would call what lies below a local out of bounds.
    char *volatile here = (char *)&local;
    OK(pthread_getattr_np(pthread_self(), &attributes));
    OK(pthread_attr_getstack(&attributes, &address, &size));
    OK(pthread_attr_getguardsize(&attributes, &guard));
    OK(pthread_attr_getdetachstate(&attributes, &detached));
    OK(pthread_attr_destroy(&attributes));
    CHECK((char *)&local > (char *)address && (char *)&local < (char *)address + size);
    // The thread runs near the top of its stack.
    CHECK((char *)address + size - (char *)&local < 64 * 1024);
    // All that the attributes promise is there.
    for (char *page = (char *)address + size - 4096; page >= (char *)address + 16384; page -= 4096) {
        if (page < here - 4096) *(volatile char *)page = 1;
    }
    // main's varies with the environment and the random place of the stack.
    if (name) printf("%s: stack %zu KiB, guard %zu, detached %d\n", (char *)name, size / 1024, guard, detached);
    return NULL;
}

int main(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    describes_itself(NULL);
    join(start(describes_itself, "default"));
    OK(pthread_attr_init(&attributes));
    OK(pthread_attr_setstacksize(&attributes, 1 << 20));
    OK(pthread_attr_setguardsize(&attributes, 65536));
    OK(pthread_create(&thread, &attributes, describes_itself, "1 MiB"));
    join(thread);
    OK(pthread_attr_setstacksize(&attributes, 64 << 20));
    OK(pthread_attr_setguardsize(&attributes, 0));
    OK(pthread_create(&thread, &attributes, describes_itself, "64 MiB"));
    join(thread);
    return 0;
}
