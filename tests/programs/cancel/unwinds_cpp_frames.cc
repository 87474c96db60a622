// Cancellation and pthread_exit unwind C++ frames: destructors run from the inside out, catch (...) sees it and must
// rethrow, and the thread's value is PTHREAD_CANCELED or the one given.
#include <unistd.h>

#include <string>

#include "../check.h"

struct Note {
    Note(std::string &order, char name) : order(order), name(name) {}
    ~Note() { order += name; }
    std::string &order;
    char name;
};

struct Case {
    bool cancelled;
    std::string order;
    pthread_barrier_t gate;
};

__attribute__((noinline)) static void innermost(Case &test) {
    Note note(test.order, '1');
    if (!test.cancelled) pthread_exit(&test);
    pthread_barrier_wait(&test.gate);
    for (;;) pause();
}

__attribute__((noinline)) static void middle(Case &test) {
    Note note(test.order, '2');
    try {
        Note inner(test.order, '3');
        innermost(test);
    } catch (...) {
        test.order += 'c';
        throw;
    }
}

static void *body(void *argument) {
    auto &test = *static_cast<Case *>(argument);
    Note note(test.order, '4');
    middle(test);
    return nullptr;
}

static void run(bool cancelled) {
    Case test{cancelled, {}, {}};
    OK(pthread_barrier_init(&test.gate, nullptr, 2));
    pthread_t thread = start(body, &test);
    if (cancelled) {
        pthread_barrier_wait(&test.gate);
        let_others_block();
        OK(pthread_cancel(thread));
    }
    void *result = join(thread);
    CHECK(result == (cancelled ? PTHREAD_CANCELED : &test));
    printf("%s: %s\n", cancelled ? "cancelled" : "exited", test.order.c_str());
}

int main() {
    run(true);
    run(false);
}
