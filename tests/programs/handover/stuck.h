// Threads that are stuck in the kernel: in page faults that nobody serves until `let_go`, and a ticker that must go on meanwhile.
#pragma once
#include "../check.h"
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { PAGE = 4096, MOST_PAGES = 64 };

static int faults;
static char *pages;

// Pages whose first use waits until `let_go`.
UNUSED static void make_pages(int count) {
    faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    CHECK(faults >= 0);
    struct uffdio_api api = {.api = UFFD_API};
    CHECK_EQ(ioctl(faults, UFFDIO_API, &api), 0);
    pages = mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    struct uffdio_register range = {.range = {(uintptr_t)pages, (size_t)count * PAGE},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    CHECK_EQ(ioctl(faults, UFFDIO_REGISTER, &range), 0);
}

// Waits for the next fault; its page.
UNUSED static int next_fault(void) {
    struct uffd_msg message;
    CHECK_EQ(read(faults, &message, sizeof message), sizeof message);
    CHECK_EQ(message.event, UFFD_EVENT_PAGEFAULT);
    return (int)((message.arg.pagefault.address - (uintptr_t)pages) / PAGE);
}

// Fills the page with one character: whoever waits for it goes on.
UNUSED static void let_go(int page, char filling) {
    static char text[PAGE];
    memset(text, filling, PAGE);
    struct uffdio_copy copy = {.dst = (uintptr_t)pages + (size_t)page * PAGE, .src = (uintptr_t)text, .len = PAGE};
    CHECK_EQ(ioctl(faults, UFFDIO_COPY, &copy), 0);
}

static int ticker_stops;
static int64_t longest_gap;

// Sleeps a millisecond at a time and notes the longest time between two ticks.
UNUSED static void *ticks(void *unused) {
    struct timespec time = from_ns(1000000);
    int64_t last = now_ns(CLOCK_MONOTONIC);
    while (!__atomic_load_n(&ticker_stops, __ATOMIC_SEQ_CST)) {
        nanosleep(&time, NULL);
        int64_t now = now_ns(CLOCK_MONOTONIC);
        if (now - last > longest_gap) longest_gap = now - last;
        last = now;
    }
    return unused;
}

// The ticker ends; with an argument to the program its longest gap is printed, in microseconds.
UNUSED static void stop_ticker(pthread_t ticker, int print) {
    __atomic_store_n(&ticker_stops, 1, __ATOMIC_SEQ_CST);
    join(ticker);
    if (print) printf("longest gap: %lld us\n", (long long)(longest_gap / 1000));
}
