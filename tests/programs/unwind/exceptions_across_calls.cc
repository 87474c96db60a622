// Exceptions in many threads at once, thrown over frames that switch (sleep, lock, yield) before, while unwinding and
// while an exception is being handled: each thread has exceptions of its own.
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../check.h"

static std::mutex lock;

struct Switches {
    ~Switches() {
        std::this_thread::yield();
        CHECK_EQ(std::uncaught_exceptions(), 1);
    }
};

__attribute__((noinline)) static void thrower(int own, int depth) {
    std::lock_guard guard(lock);
    if (depth == 0) throw std::runtime_error(std::to_string(own));
    struct Local {
        ~Local() { CHECK_EQ(std::uncaught_exceptions(), 1); }
    } local;
    lock.unlock();
    std::this_thread::yield();
    struct Relock {
        ~Relock() { lock.lock(); }
    } relock;
    Switches switches;
    thrower(own, depth - 1);
}

static void body(int own) {
    for (int i = 0; i < 30; i++) {
        try {
            thrower(own, 5);
            CHECK(!"nothing was thrown");
        } catch (const std::runtime_error &outer) {
            CHECK_EQ(std::uncaught_exceptions(), 0);
            std::this_thread::yield();
            try {
                throw own;
            } catch (int inner) {
                std::this_thread::yield();
                CHECK_EQ(inner, own);
            }
            CHECK_EQ(std::stoi(outer.what()), own);
        }
    }
}

int main() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; i++) threads.emplace_back(body, i);
    for (auto &thread : threads) thread.join();
    puts("ok");
}
