// An exception caught in one thread is rethrown in another, by exception_ptr and through a future.
#include <exception>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include "../check.h"

int main() {
    for (int i = 0; i < 50; i++) {
        std::exception_ptr caught;
        std::thread([&] {
            try {
                throw std::out_of_range("made elsewhere");
            } catch (...) {
                caught = std::current_exception();
            }
        }).join();
        std::thread([&] {
            try {
                std::rethrow_exception(caught);
            } catch (const std::out_of_range &error) {
                CHECK_EQ(std::string(error.what()).compare("made elsewhere"), 0);
            }
        }).join();
        auto future = std::async(std::launch::async, [i]() -> int { throw i; });
        try {
            future.get();
            CHECK(!"nothing was thrown");
        } catch (int value) {
            CHECK_EQ(value, i);
        }
    }
    puts("ok");
}
