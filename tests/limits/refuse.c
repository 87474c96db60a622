// refuse RULE.. -- CMD ARGS..: runs a command to which the kernel refuses system calls, as a sandbox does.
//
// A rule is NUMBER=ERRNO, NUMBER:ARGUMENT:BITS:VALUE=ERRNO (only when the bits of that argument, counted from 0, have that value),
// or `mdwe` (PR_SET_MDWE: no memory becomes code).
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

enum { MOST = 256 };

static struct sock_filter filter[MOST];
static unsigned short length;

static void add(unsigned short code, unsigned operand, unsigned char yes, unsigned char no) {
    if (length < MOST) filter[length++] = (struct sock_filter){code, yes, no, operand};
}

static void load(size_t from) { add(BPF_LD | BPF_W | BPF_ABS, (unsigned)from, 0, 0); }

int main(int count, char **words) {
    int i = 1;
    for (; i < count && strcmp(words[i], "--") != 0; i++) {
        unsigned number, argument, bits, value, error;
        if (strcmp(words[i], "mdwe") == 0) {
            if (prctl(PR_SET_MDWE, 1, 0, 0, 0) != 0) return perror("refuse: PR_SET_MDWE"), 77;
        } else if (sscanf(words[i], "%u:%u:%u:%u=%u", &number, &argument, &bits, &value, &error) == 5) {
            load(offsetof(struct seccomp_data, nr));
            add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
            load(offsetof(struct seccomp_data, args) + 8 * argument);
            add(BPF_ALU | BPF_AND | BPF_K, bits, 0, 0);
            add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
            add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error, 0, 0);
        } else if (sscanf(words[i], "%u=%u", &number, &error) == 2) {
            load(offsetof(struct seccomp_data, nr));
            add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
            add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error, 0, 0);
        } else {
            return fprintf(stderr, "refuse: %s: no such rule\n", words[i]), 77;
        }
    }
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    struct sock_fprog program = {length, filter};
    if (i + 1 >= count || length == MOST) return fprintf(stderr, "refuse: RULE.. -- CMD\n"), 77;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return perror("refuse: seccomp"), 77;
    execvp(words[i + 1], words + i + 1);
    return perror("refuse: exec"), 77;
}
