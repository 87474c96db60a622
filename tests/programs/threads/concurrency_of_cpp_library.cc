// The C++ library's own: async, future, promise, packaged_task, shared_mutex, condition_variable_any, latch, barrier,
// counting_semaphore, jthread with stop_token, atomic wait and notify.
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <numeric>
#include <semaphore>
#include <shared_mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "../check.h"

static void futures() {
    std::vector<std::future<int>> parts;
    for (int i = 0; i < 20; i++) parts.push_back(std::async(std::launch::async, [i] { return i * i; }));
    int sum = 0;
    for (auto &part : parts) sum += part.get();
    CHECK_EQ(sum, 2470);
    std::promise<int> promise;
    auto future = promise.get_future();
    CHECK(future.wait_for(std::chrono::milliseconds(5)) == std::future_status::timeout);
    std::thread giver([&] { promise.set_value(5); });
    CHECK_EQ(future.get(), 5);
    giver.join();
    std::packaged_task<int(int)> task([](int x) { return x + 1; });
    auto result = task.get_future();
    std::thread(std::move(task), 41).join();
    CHECK_EQ(result.get(), 42);
}

static void stoppable() {
    std::mutex lock;
    std::condition_variable_any changed;
    std::atomic<bool> stopped{false};
    {
        std::jthread thread([&](std::stop_token token) {
            std::unique_lock guard(lock);
            changed.wait(guard, token, [] { return false; });
            stopped = true;
        });
    }
    CHECK(stopped);
}

static void rendezvous() {
    constexpr int count = 8;
    std::latch ready(count);
    std::barrier phase(count);
    std::counting_semaphore<count> slots(2);
    std::shared_mutex lock;
    std::atomic<int> generation{0}, inside{0};
    int value = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < count; i++) {
        threads.emplace_back([&] {
            ready.arrive_and_wait();
            for (int round = 0; round < 20; round++) phase.arrive_and_wait();
            slots.acquire();
            CHECK(++inside <= 2);
            std::this_thread::yield();
            --inside;
            slots.release();
            {
                std::unique_lock guard(lock);
                value++;
            }
            {
                std::shared_lock guard(lock);
                CHECK(value >= 1);
            }
            generation.wait(0);
        });
    }
    generation = 1;
    generation.notify_all();
    for (auto &thread : threads) thread.join();
    CHECK_EQ(value, count);
}

int main() {
    futures();
    stoppable();
    rendezvous();
    puts("ok");
}
