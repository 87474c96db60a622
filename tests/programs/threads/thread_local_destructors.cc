// C++ thread_local objects are made on first use in each thread and destroyed at its end, in reverse order.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "../check.h"

static std::atomic<int> made, destroyed;

struct Logger {
    explicit Logger(const char *name) : name(name) { made++; }
    ~Logger() {
        destroyed++;
        order += name;
        if (name == "a") CHECK_EQ(order.compare("ba"), 0);
    }
    std::string name;
    static thread_local std::string order;
};

// Made before the loggers in each thread, so destroyed after them.
thread_local std::string Logger::order;

static void body(int round) {
    Logger::order.clear();
    thread_local Logger a("a");
    std::this_thread::yield();
    if (round % 2) {
        thread_local Logger b("b");
        CHECK_EQ(b.name.compare("b"), 0);
    } else {
        Logger::order.push_back('b');
    }
    CHECK_EQ(a.name.compare("a"), 0);
}

int main() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 64; i++) threads.emplace_back(body, i);
    for (auto &thread : threads) thread.join();
    CHECK_EQ(made, 64 + 32);
    CHECK_EQ(destroyed, 64 + 32);
    puts("ok");
}
