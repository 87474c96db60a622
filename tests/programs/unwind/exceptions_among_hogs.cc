// Threads that throw all the time while others compute without a call: a switch may come at any instruction of the
// unwinder.
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "../check.h"

static std::atomic<bool> stop{false};
static std::atomic<long> caught{0};

__attribute__((noinline)) static long dive(int depth, long value) {
    if (depth == 0) throw value;
    return dive(depth - 1, value) + 1;
}

int main() {
    std::vector<std::thread> hogs, throwers;
    for (int i = 0; i < 2; i++) {
        hogs.emplace_back([] {
            volatile unsigned long counter = 0;
            while (!stop.load(std::memory_order_relaxed)) counter = counter + 1;
        });
    }
    for (long own = 0; own < 6; own++) {
        throwers.emplace_back([own] {
            for (long i = 0; i < 2000; i++) {
                try {
                    dive(20, own * 10000 + i);
                } catch (long value) {
                    CHECK_EQ(value, own * 10000 + i);
                    caught++;
                }
            }
        });
    }
    for (auto &thread : throwers) thread.join();
    stop = true;
    for (auto &thread : hogs) thread.join();
    printf("%ld caught\n", caught.load());
}
