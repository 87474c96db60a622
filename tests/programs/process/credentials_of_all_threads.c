// setgid and setuid in a process with threads change all of them, whoever calls: what each thread may then do, and what
// /proc says of every kernel thread. Without the right to change, the ids are set to what they are.
#include "../check.h"
#include <dirent.h>
#include <fcntl.h>

static pthread_barrier_t barrier;
static uid_t uid;
static gid_t gid;

static void *is_changed(void *unused) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    CHECK_EQ(getuid(), uid);
    CHECK_EQ(geteuid(), uid);
    CHECK_EQ(getgid(), gid);
    // The kernel decides by the thread's own credentials.
    if (uid != 0) FAILS(open("/etc/shadow", O_RDWR), EACCES);
    pthread_barrier_wait(&barrier);
    return unused;
}

static void *changes(void *unused) {
    CHECK_EQ(setgid(gid), 0);
    CHECK_EQ(setuid(uid), 0);
    return unused;
}

static void check_every_task(void) {
    char path[300], line[200];
    unsigned ids[4];
    int tasks = 0;
    DIR *directory = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        while (fgets(line, sizeof line, file)) {
            if (sscanf(line, "Uid: %u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4) {
                for (int i = 0; i < 4; i++) CHECK_EQ(ids[i], uid);
                tasks++;
            }
        }
        fclose(file);
    }
    closedir(directory);
    CHECK(tasks >= 1);
}

int main(void) {
    pthread_t threads[5];
    uid = getuid() == 0 ? 65534 : getuid();
    gid = getuid() == 0 ? 65534 : getgid();
    OK(pthread_barrier_init(&barrier, NULL, 6));
    for (int i = 0; i < 5; i++) threads[i] = start(is_changed, NULL);
    pthread_barrier_wait(&barrier);
    join(start(changes, NULL));
    check_every_task();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 5; i++) join(threads[i]);
    if (uid == 65534) FAILS(setuid(0), EPERM);
    puts("ok");
    return 0;
}
