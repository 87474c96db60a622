// Preloaded before patchall: getauxval says that programs may not set FS, as before Linux 5.9 (bit 1 of AT_HWCAP2).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/auxv.h>

unsigned long getauxval(unsigned long type) {
    unsigned long (*real)(unsigned long) = (unsigned long (*)(unsigned long))dlsym(RTLD_NEXT, "getauxval");
    return real(type) & (type == AT_HWCAP2 ? ~2ul : ~0ul);
}
